// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {ICatalog} from "../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../contracts/interfaces/IExchange.sol";
import {IExperienceKey} from "../../contracts/interfaces/IExperienceKey.sol";
import {ILabelRegistry} from "../../contracts/interfaces/ILabelRegistry.sol";
import {Books} from "./support/Books.sol";
import {Deployment} from "./support/Deployment.sol";
import {Market} from "./support/Market.sol";
import {PointsBook} from "./support/PointsBook.sol";
import {World} from "./support/World.sol";

/// @dev Defined here and not in a file of its own: the runner finds only what the test's file defines.
contract Handler is Market {
    constructor(System memory system) World(system) {
        _open();
    }
}

/// @title The protocol's invariants, by number, after every call of every actor
/// @dev The handler's books tell what was done; here the contracts are asked whether it is so. docs/INVARIANTS.md has the whole list.
contract InvariantsTest is Deployment {
    System internal sys;
    Handler internal books;

    function setUp() public {
        vm.warp(1_900_000_000);
        sys = deploySystem(vm.addr(0xad));
        books = new Handler(sys);
    }

    /// @dev Read by the test runner: only the handler is called.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(books);
    }

    /// 1. Per token: contract balance ≥ seller credit + treasury; equal unless someone donated.
    function invariant_1_balanceCoversCredits() public view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            Books.Revenue[] memory revenues = books.revenues(tokens[t]);
            uint256 owed;
            for (uint256 i; i < revenues.length; ++i) {
                uint256 credit = sys.exchange.creditOf(i + 1, tokens[t]);
                equal(credit, revenues[i].open, "1: credit of an agent");
                owed += credit;
            }
            uint256 balance = IERC20(tokens[t]).balanceOf(address(sys.exchange));
            isTrue(balance >= owed, "1: the exchange owes more than it has");
            equal(balance - owed, books.donated(tokens[t]), "1: balance above the credits");
        }
    }

    /// 2. Per order: paid = credited to the seller + fees, at all times.
    function invariant_2_paidIsCredited() public view {
        Books.Order[] memory orders = books.orders();
        for (uint256 i; i < orders.length; ++i) {
            equal(orders[i].sellerShare + orders[i].feeShare, orders[i].price, "2: shares of an order");
        }
    }

    /// 3. Released ≤ paid; each never decreases.
    function invariant_3_releasedIsEarned() public view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            Books.Revenue[] memory revenues = books.revenues(tokens[t]);
            for (uint256 i; i < revenues.length; ++i) {
                uint256 open = sys.exchange.creditOf(i + 1, tokens[t]);
                equal(revenues[i].withdrawn + open, revenues[i].earned, "3: withdrawn + open of what was earned");
            }
        }
    }

    /// 4. A key exists ⇔ exactly one order stands behind it.
    function invariant_4_oneOrderPerKey() public view {
        Books.Order[] memory orders = books.orders();
        IExperienceKey.Key[] memory expected = books.keys();
        address[] memory users = books.users();
        Books.AgentEntry[] memory agents = books.agents();
        for (uint256 i; i < orders.length; ++i) {
            equal(sys.keys.userOf(orders[i].keyId), users[i], "4: who rents the key of an order");
            equal(abi.encode(sys.keys.keyInfo(orders[i].keyId)), abi.encode(expected[i]), "4: the key of an order");
            for (uint256 j; j < i; ++j) {
                isTrue(orders[i].keyId != orders[j].keyId, "4: two orders for one key");
            }
        }
        uint256 keys;
        for (uint256 i; i < agents.length; ++i) {
            uint256 balance = sys.keys.balanceOf(agents[i].eoa);
            equal(balance, agents[i].keys, "4: keys of an agent");
            keys += balance;
        }
        equal(keys, orders.length, "4: keys and orders");
    }

    /// 5. One payment reference (token, payer, nonce; the quote's hash) creates at most one key.
    function invariant_5_oneKeyPerPayment() public view {
        Books.QuoteEntry[] memory quotes = books.quotes();
        Books.Order[] memory orders = books.orders();
        for (uint256 i; i < quotes.length; ++i) {
            isTrue(sys.tills.isQuoteUsed(quotes[i].quote) == quotes[i].used, "5: whether a quote is used");
            uint256 keys;
            for (uint256 j; j < orders.length; ++j) {
                if (orders[j].quoteHash == quotes[i].hash) ++keys;
            }
            isTrue(keys <= 1, "5: a quote became two keys");
            equal(keys, quotes[i].keys, "5: keys of a quote");
        }
        Books.Payment[] memory payments = books.payments();
        for (uint256 i; i < payments.length; ++i) {
            for (uint256 j; j < i; ++j) {
                bool same = payments[i].payer == payments[j].payer && payments[i].nonce == payments[j].nonce;
                isTrue(!same || payments[i].token != payments[j].token, "5: one authorization paid twice");
            }
        }
    }

    /// 6. Nothing moves out without entitlement; no account loses value by a call that it did not authorise.
    function invariant_6_everyBalanceIsExplained() public view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            (address[] memory holders, uint256[] memory amounts) = books.balances(tokens[t]);
            for (uint256 i; i < holders.length; ++i) {
                equal(IERC20(tokens[t]).balanceOf(holders[i]), amounts[i], "6: balance of an account or a till");
            }
        }
        equal(books.hostile().breaches(), 0, "6: a money path was entered from inside a transfer");
    }

    /// 7. Payouts sum to the amount; the dust is the seller's, and less than one unit.
    function invariant_7_dustIsTheSellers() public view {
        Books.Order[] memory orders = books.orders();
        for (uint256 i; i < orders.length; ++i) {
            uint256 exact = orders[i].price * orders[i].feeBps;
            isTrue(orders[i].feeShare * 10_000 <= exact, "7: a fee above its rate");
            isTrue((orders[i].feeShare + 1) * 10_000 > exact, "7: a fee a unit or more below its rate");
        }
    }

    /// 8. Fees ≤ the compiled maximum in every governance state.
    function invariant_8_feeWithinCap() public view {
        equal(sys.exchange.MAX_FEE_BPS(), 500, "8: the cap");
        isTrue(sys.exchange.feeBps() <= 500, "8: the rate");
        equal(sys.exchange.feeBps(), books.feeBps(), "8: the rate that was set");
        equal(sys.exchange.feeAgentId(), books.feeAgentId(), "8: who earns it");
        Books.Order[] memory orders = books.orders();
        for (uint256 i; i < orders.length; ++i) {
            isTrue(orders[i].feeShare * 20 <= orders[i].price, "8: a fee above the cap");
        }
    }

    /// 9. Listings move only along the allowed graph, and are what their sellers said last; archived ones never change.
    function invariant_9_listingsAreAsTold() public view {
        ICatalog.Listing[] memory listings = books.listings();
        equal(sys.catalog.listingCount(), listings.length, "9: listings");
        for (uint256 i; i < listings.length; ++i) {
            equal(abi.encode(sys.catalog.listingOf(i + 1)), abi.encode(listings[i]), "9: a listing");
        }
    }

    /// 12. A curve's price is equal to an independent model, 0 only where free.
    function invariant_12_priceEqualsModel() public view {
        uint256[2][] memory prices = books.nextPrices();
        for (uint256 i; i < prices.length; ++i) {
            equal(sys.catalog.quote(i + 1, 1, block.timestamp), prices[i][0], "12: the next price");
        }
    }

    /// 13. n keys bought at once cost no more than n bought singly.
    function invariant_13_notDearerAtOnce() public view {
        uint256[2][] memory prices = books.nextPrices();
        for (uint256 i; i < prices.length; ++i) {
            uint256 atOnce = sys.catalog.quote(i + 1, 2, block.timestamp);
            isTrue(atOnce <= prices[i][0] + prices[i][1], "13: dearer at once");
        }
    }

    /// 14. Executed price ≤ the signed maximum and time ≤ the deadline.
    function invariant_14_withinWhatWasSigned() public view {
        Books.Order[] memory orders = books.orders();
        for (uint256 i; i < orders.length; ++i) {
            uint256 moved = orders[i].sellerShare + orders[i].feeShare;
            isTrue(moved <= orders[i].maxPrice, "14: dearer than the maximum");
            isTrue(orders[i].time <= orders[i].deadline, "14: later than the deadline");
        }
    }

    /// 15. Points: minted = balances; never negative; none for refunded or related trades.
    function invariant_15_pointsAreMintedOnce() public view {
        Books.AgentEntry[] memory agents = books.agents();
        uint256 balances;
        for (uint256 i; i < agents.length; ++i) {
            uint256 balance = sys.points.balanceOf(i + 1);
            equal(balance, agents[i].points, "15: points of an agent");
            equal(sys.points.lifetimeOf(i + 1), balance, "15: points ever earned");
            balances += balance;
        }
        equal(balances, books.pointsMinted(), "15: minted and held points");
    }

    /// 16. Points minted per pair and day ≤ the cap.
    function invariant_16_pairsStayBelowTheirCap() public view {
        PointsBook.PairDay[] memory pairDays = books.pairDays();
        for (uint256 i; i < pairDays.length; ++i) {
            isTrue(pairDays[i].minted <= pairDays[i].mostMinted, "16: points of a pair on one day");
        }
    }

    /// 20. One live label per validator and EK; the aggregates are the sums of the labels.
    function invariant_20_aggregatesAreSums() public view {
        uint256 count = books.listingCount();
        uint256 agents = books.agentCount();
        for (uint256 ekId = 1; ekId <= count; ++ekId) {
            ILabelRegistry.Aggregate memory a = sys.labels.aggregateOf(ekId);
            Books.LabelSums memory sums = books.labelSums(ekId);
            uint32[5] memory scores = [a.authenticity, a.utility, a.reproducibility, a.freshness, a.safety];
            for (uint256 i; i < 5; ++i) {
                equal(scores[i], sums.scores[i], "20: sum of a score");
            }
            equal(a.count, sums.count, "20: labels of a listing");
            if (sums.count == 0) continue;
            uint256 labels;
            for (uint256 agentId = 1; agentId <= agents; ++agentId) {
                if (sys.labels.labelOf(ekId, agentId).createdAt != 0) ++labels;
            }
            equal(labels, sums.count, "20: labels and validators");
        }
    }

    /// 22. Rotation changes no agent's keys, points or credits; afterwards the old key authorises nothing.
    /// @dev That nothing changes is asserted at each rotation; here every account that an agent has left is asked what it can do.
    function invariant_22_formerAccountsAreNobody() public view {
        Books.AccountEntry[] memory accounts = books.accountEntries();
        for (uint256 i; i < accounts.length; ++i) {
            if (accounts[i].everAgentId == 0 || accounts[i].agentId != 0) continue;
            (address old, uint256 agentId) = (accounts[i].account, accounts[i].everAgentId);
            equal(sys.registry.agentOf(old), 0, "22: a former account is still an agent's");
            equal(sys.registry.balanceOf(old), 0, "22: a former account owns an identity");
            equal(sys.keys.balanceOf(old), 0, "22: a former account has keys");
            isTrue(!sys.registry.isAuthorizedOrOwner(old, agentId), "22: a former account controls the agent");
            bool acts;
            for (uint256 action = 1; action < 16; action *= 2) {
                acts = acts || sys.registry.canAct(agentId, old, action);
            }
            isTrue(!acts || books.isOperator(agentId, old), "22: a former account acts for the agent");
            for (uint256 ekId = 1; ekId <= books.listingCount(); ++ekId) {
                isTrue(!sys.keys.hasAccess(ekId, old, 0), "22: a former account has access");
            }
        }
    }

    /// 23. Every nonce is used at most once; agent id ↔ EOA is one-to-one.
    function invariant_23_oneAgentOneAccount() public view {
        Books.AgentEntry[] memory agents = books.agents();
        equal(sys.registry.agentCount(), agents.length, "23: agents");
        for (uint256 i; i < agents.length; ++i) {
            address eoa = sys.registry.eoaOf(i + 1);
            equal(eoa, agents[i].eoa, "23: account of an agent");
            (uint256 bound, uint32 epoch) = sys.registry.bindingOf(eoa);
            equal(bound, i + 1, "23: agent of the account");
            equal(epoch, agents[i].epoch, "23: epoch of the binding");
            equal(sys.registry.epochOf(i + 1), epoch, "23: epoch of the agent");
        }
        Books.AccountEntry[] memory accounts = books.accountEntries();
        for (uint256 i; i < accounts.length; ++i) {
            address account = accounts[i].account;
            equal(sys.registry.agentOf(account), accounts[i].agentId, "23: agent of an account");
            equal(sys.registry.lastAgentOf(account), accounts[i].everAgentId, "23: the only agent of an account");
            equal(sys.registry.nonces(account), accounts[i].nonces, "23: nonces used");
        }
    }

    /// 24. Only listed roles change parameters, within bounds.
    function invariant_24_parametersAreTheAdministrators() public view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            isTrue(sys.catalog.isTokenAllowed(tokens[t]) == books.tokenAllowed(tokens[t]), "24: the allowed tokens");
        }
        isTrue(sys.catalog.isCurveAllowed(address(sys.fixedPrice)), "24: a curve was taken off");
        isTrue(sys.catalog.isCurveAllowed(address(sys.linearPrice)), "24: a curve was taken off");
    }

    /// 25. Pause never blocks an exit: whatever the listings' states, anyone can bring everybody's money home.
    /// @dev Changes the state; the runner forgets it afterwards.
    function invariant_25_everybodyCanLeave() public {
        address[] memory tokens = books.tokenList();
        Books.QuoteEntry[] memory quotes = books.quotes();
        for (uint256 t; t < tokens.length; ++t) {
            for (uint256 i; i < quotes.length; ++i) {
                if (books.held(tokens[t], quotes[i].till) == 0) continue;
                if (block.timestamp <= quotes[i].quote.deadline) vm.warp(quotes[i].quote.deadline + 1);
                sys.tills.refundTill(quotes[i].quote, tokens[t]);
                equal(IERC20(tokens[t]).balanceOf(quotes[i].till), 0, "25: money left in a till");
            }
            Books.Revenue[] memory revenues = books.revenues(tokens[t]);
            for (uint256 i; i < revenues.length; ++i) {
                if (revenues[i].open == 0) continue;
                equal(sys.exchange.withdraw(i + 1, tokens[t], address(0)), revenues[i].open, "25: money brought home");
            }
            uint256 left = IERC20(tokens[t]).balanceOf(address(sys.exchange));
            equal(left, books.donated(tokens[t]), "25: money left behind");
        }
    }
}

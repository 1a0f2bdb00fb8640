// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Deployment} from "./support/Deployment.sol";
import {Market} from "./support/Market.sol";
import {OpenBooks} from "./support/OpenBooks.sol";
import {World} from "./support/World.sol";
import {AgentInvariants} from "./invariants/AgentInvariants.t.sol";
import {ExitInvariants} from "./invariants/ExitInvariants.t.sol";
import {MoneyInvariants} from "./invariants/MoneyInvariants.t.sol";
import {OfferInvariants} from "./invariants/OfferInvariants.t.sol";
import {OrderInvariants} from "./invariants/OrderInvariants.t.sol";

/// @dev Defined here and not in a file of its own: the runner finds only what the test's file defines.
contract Handler is Market {
    constructor(System memory system) World(system) {
        _open();
    }
}

/// @title The protocol's invariants, by number, after every call of every actor
/// @notice One run asks all of them: the runner would repeat the whole market for each function that it knows. The handler's books tell what
/// was done; here the contracts are asked whether it is so. docs/INVARIANTS.md has the whole list.
/// @dev After each call the orders are asked that it touched, and one more; after every eighth all that there is.
contract InvariantsTest is MoneyInvariants, OrderInvariants, OfferInvariants, AgentInvariants, ExitInvariants {
    uint256 private constant ALL_EVERY = 8;

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

    /// All of them hold.
    function invariant_all() public {
        bool all = books.steps() % ALL_EVERY == 0;
        OpenBooks.Page[] memory page = books.page(all);
        _inspect(page);
        if (!all) return;
        _inspectAll(page);
        uint256 time = block.timestamp;
        _pauseAll();
        invariant_11_everyOrderEnds();
        invariant_25_everybodyCanLeave();
        vm.warp(time);
    }

    function _inspect(OpenBooks.Page[] memory page) private view {
        invariant_2_paidIsAccountedFor(page);
        invariant_3_releasedIsPaid(page);
        invariant_4_oneOrderPerKey(page);
        invariant_7_dustIsTheSellers(page);
        invariant_8_feeWithinCap(page);
        invariant_9_ordersAreAsTold(page);
        invariant_10_openMoneyStays(page);
        invariant_13_refundIsThePrice(page);
        invariant_14_withinWhatWasSigned(page);
        invariant_25_pauseExpires();
    }

    function _inspectAll(OpenBooks.Page[] memory all) private view {
        invariant_1_balanceCoversWhatIsOwed();
        invariant_3_withdrawnIsEarned();
        invariant_4_asManyKeysAsOrders(all);
        invariant_5_oneKeyPerPayment();
        invariant_6_everyBalanceIsExplained();
        invariant_9_listingsAreAsTold();
        invariant_12_priceEqualsModel();
        invariant_13_notDearerAtOnce();
        invariant_15_pointsAreMintedOnce();
        invariant_16_pairsStayBelowTheirCap();
        invariant_20_aggregatesAreSums();
        invariant_22_formerAccountsAreNobody();
        invariant_23_oneAgentOneAccount();
        invariant_24_parametersAreTheAdministrators();
        invariant_26_logTellsTheMoney();
    }
}

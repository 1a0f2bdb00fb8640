// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {Books} from "../support/Books.sol";
import {OpenBooks} from "../support/OpenBooks.sol";
import {Inspection} from "./Inspection.sol";

/// @title Nobody's money is lost, and nobody gets another's
abstract contract MoneyInvariants is Inspection {
    uint256 private constant REFUND = uint256(IExchange.Share.Refund);

    /// 1. Per token: contract balance ≥ escrow + credits + bounties; equal unless someone donated.
    function invariant_1_balanceCoversWhatIsOwed() internal view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            Books.Revenue[] memory revenues = books.revenues(tokens[t]);
            uint256 owed;
            for (uint256 i; i < revenues.length; ++i) {
                uint256 credit = sys.exchange.creditOf(i + 1, tokens[t]);
                equal(credit, revenues[i].open, "1: credit of an agent");
                owed += credit;
            }
            for (uint256 ekId = books.listingCount(); ekId > 0; --ekId) {
                uint256 bounty = sys.exchange.bountyOf(ekId, tokens[t]);
                equal(bounty, books.bountyOf(ekId, tokens[t]), "1: bounty of a listing");
                owed += bounty;
            }
            (uint256 escrow, ) = books.waiting(tokens[t]);
            owed += escrow;
            uint256 balance = IERC20(tokens[t]).balanceOf(address(sys.exchange));
            isTrue(balance >= owed, "1: the exchange owes more than it has");
            equal(balance - owed, books.donated(tokens[t]), "1: balance above what is owed");
        }
    }

    /// 2. Per order: paid = held + released + refunded + fees, at all times.
    function invariant_2_paidIsAccountedFor(OpenBooks.Page[] memory page) internal pure {
        for (uint256 i; i < page.length; ++i) {
            equal(page[i].told.paid, page[i].order.paid, "2: what was paid");
            equal(page[i].order.held + _moved(page[i]), page[i].order.paid, "2: where the money of an order is");
            for (uint256 share; share < 6; ++share) {
                equal(page[i].told.shares[share], page[i].order.shares[share], "2: a share of an order");
            }
        }
    }

    /// 3. Released + refunded ≤ paid; each never decreases. Nor is more withdrawn than was earned.
    function invariant_3_releasedIsPaid(OpenBooks.Page[] memory page) internal pure {
        for (uint256 i; i < page.length; ++i) {
            isTrue(_moved(page[i]) <= page[i].order.paid, "3: more came out of an order than went in");
        }
    }

    function invariant_3_withdrawnIsEarned() internal view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            Books.Revenue[] memory revenues = books.revenues(tokens[t]);
            for (uint256 i; i < revenues.length; ++i) {
                uint256 open = sys.exchange.creditOf(i + 1, tokens[t]);
                equal(revenues[i].withdrawn + open, revenues[i].earned, "3: withdrawn + open of what was earned");
            }
        }
    }

    /// 6. Nothing moves out without entitlement; no account loses value by a call that it did not authorise.
    function invariant_6_everyBalanceIsExplained() internal view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            (address[] memory holders, uint256[] memory amounts) = books.balances(tokens[t]);
            for (uint256 i; i < holders.length; ++i) {
                equal(IERC20(tokens[t]).balanceOf(holders[i]), amounts[i], "6: balance of an account or a till");
            }
        }
        equal(books.hostile().breaches(), 0, "6: a money path was entered from inside a transfer");
    }

    /// 7. Payouts sum to the amount; every part but the seller's is rounded down; the dust is the seller's, less than one unit a payee.
    function invariant_7_dustIsTheSellers(OpenBooks.Page[] memory page) internal view {
        for (uint256 i; i < page.length; ++i) {
            Books.Order memory o = page[i].order;
            uint256 parents = sys.catalog.termsOf(o.ekId, o.version).royalties.length;
            uint256 exactOthers;
            for (uint256 share = 1; share < REFUND; ++share) {
                uint256 parts = o.splits * (share == uint256(IExchange.Share.Royalty) ? parents : 1);
                uint256 part = page[i].told.shares[share] * 10_000;
                isTrue(part <= o.exact[share], "7: a part above its rate");
                isTrue(part + parts * 10_000 > o.exact[share] || parts == 0, "7: a part a unit or more below its rate");
                exactOthers += o.exact[share];
            }
            uint256 shared = (o.paid - o.held - page[i].told.shares[REFUND]) * 10_000;
            uint256 dust = page[i].told.shares[0] * 10_000 - (shared - exactOthers);
            isTrue(dust <= o.splits * (3 + parents) * 10_000, "7: dust of more than a unit a payee");
        }
    }

    /// 8. Fees ≤ the compiled maximum in every governance state.
    function invariant_8_feeWithinCap(OpenBooks.Page[] memory page) internal view {
        equal(sys.exchange.MAX_FEE_BPS(), 500, "8: the cap");
        isTrue(sys.exchange.feeBps() <= 500, "8: the rate");
        equal(sys.exchange.feeBps(), books.feeBps(), "8: the rate that was set");
        equal(sys.exchange.feeAgentId(), books.feeAgentId(), "8: who earns it");
        for (uint256 i; i < page.length; ++i) {
            isTrue(
                page[i].told.shares[uint256(IExchange.Share.Fee)] * 20 <= page[i].order.paid,
                "8: a fee above the cap"
            );
        }
    }

    /// 26. What the log says of credits and bounties is what the storage holds.
    function invariant_26_logTellsTheMoney() internal view {
        address[] memory tokens = books.tokenList();
        for (uint256 t; t < tokens.length; ++t) {
            Books.Revenue[] memory revenues = books.revenues(tokens[t]);
            for (uint256 i; i < revenues.length; ++i) {
                equal(sys.exchange.creditOf(i + 1, tokens[t]), revenues[i].told, "26: credit of an agent");
            }
            for (uint256 ekId = books.listingCount(); ekId > 0; --ekId) {
                equal(sys.exchange.bountyOf(ekId, tokens[t]), books.toldBountyOf(ekId, tokens[t]), "26: a bounty");
            }
        }
    }

    /// @dev What of an order's money is no longer held, as the log tells it.
    function _moved(OpenBooks.Page memory entry) private pure returns (uint256 sum) {
        for (uint256 share; share < 6; ++share) {
            sum += entry.told.shares[share];
        }
    }
}

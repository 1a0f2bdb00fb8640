// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IOrders} from "../../../contracts/interfaces/IOrders.sol";
import {IReceiptProofs} from "../../../contracts/interfaces/IReceiptProofs.sol";
import {ITills} from "../../../contracts/interfaces/ITills.sol";
import {Books} from "../support/Books.sol";
import {Inspection} from "./Inspection.sol";

/// @title From every state there is a way home for all money, in the middle of a pause too
/// @dev These change the state; the runner forgets it afterwards.
abstract contract ExitInvariants is Inspection {
    /// @dev The longest pause that may be, if one may be now: no exit knows of it.
    function _pauseAll() internal {
        if (block.timestamp < books.pausableFrom()) return;
        vm.prank(address(0x60a2d));
        sys.exchange.pause(7 days);
    }

    /// 11. Every order reaches a terminal state by permissionless calls alone, a disputed one by a ruling.
    function invariant_11_everyOrderEnds() internal {
        uint256[] memory keyIds = books.openKeys();
        for (uint256 i; i < keyIds.length; ++i) {
            IOrders.Order memory o = sys.exchange.orderOf(keyIds[i]);
            if (o.status == IOrders.OrderStatus.Disputed) {
                vm.prank(DISPUTES);
                sys.exchange.settle(keyIds[i], (o.amount * (i % 3)) / 2);
            } else {
                if (block.timestamp < o.releaseTime) vm.warp(o.releaseTime);
                sys.exchange.release(keyIds[i]);
            }
            IOrders.OrderStatus status = sys.exchange.orderOf(keyIds[i]).status;
            isTrue(status > IOrders.OrderStatus.Disputed, "11: an order that can't end");
            isTrue(!sys.exchange.isHeld(keyIds[i]), "11: money that can't move");
        }
    }

    /// 25. Pause never blocks an exit: whatever the listings' states, anyone can bring everybody's money home.
    function invariant_25_everybodyCanLeave() internal {
        address[] memory tokens = books.tokenList();
        Books.QuoteEntry[] memory quotes = books.quotes();
        for (uint256 t; t < tokens.length; ++t) {
            for (uint256 i; i < quotes.length; ++i) {
                if (books.held(tokens[t], quotes[i].till) == 0) continue;
                if (block.timestamp <= quotes[i].quote.deadline) vm.warp(quotes[i].quote.deadline + 1);
                if (quotes[i].quote.buyer == address(0)) _showAll(i, tokens[t]);
                else sys.tills.refundTill(quotes[i].quote, tokens[t]);
                equal(IERC20(tokens[t]).balanceOf(quotes[i].till), 0, "25: money left in a till");
            }
            uint256 agents = books.agentCount();
            for (uint256 agentId = 1; agentId <= agents; ++agentId) {
                uint256 credit = sys.exchange.creditOf(agentId, tokens[t]);
                if (credit == 0) continue;
                uint256 amount = sys.exchange.withdraw(agentId, tokens[t], address(0));
                equal(amount, credit, "25: money brought home");
            }
            uint256 bounties;
            for (uint256 ekId = books.listingCount(); ekId > 0; --ekId) {
                bounties += sys.exchange.bountyOf(ekId, tokens[t]);
            }
            uint256 left = IERC20(tokens[t]).balanceOf(address(sys.exchange));
            equal(left, books.donated(tokens[t]) + bounties, "25: money left behind");
        }
    }

    /// @dev What came into an open quote's till goes home by its receipts.
    function _showAll(uint256 quote, address token) private {
        Books.Sent[] memory sent = books.sent();
        ITills.Quote memory q = books.quotes()[quote].quote;
        for (uint256 i; i < sent.length; ++i) {
            if (sent[i].quote != quote || sent[i].token != token || sent[i].shown || sent[i].value == 0) continue;
            sys.tills.refundByReceipt(q, token, IReceiptProofs.Proof(abi.encode(i), 0, new bytes[](0), 0));
        }
    }
}

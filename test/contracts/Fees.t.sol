// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../contracts/interfaces/IExchange.sol";
import {TestUSDC} from "../../contracts/mocks/TestUSDC.sol";
import {Deployment} from "./support/Deployment.sol";

/// @title How a price is split
contract FeesTest is Deployment {
    address internal constant ADMIN = address(0xad);
    address internal constant SELLER = address(0x5e11);
    address internal constant BUYER = address(0xb0b);
    address internal constant TREASURY = address(0xfee);

    System internal sys;
    TestUSDC internal usdc;
    uint256 internal treasuryId;
    uint256 internal sellerId;

    function setUp() public {
        sys = deploySystem(ADMIN);
        usdc = new TestUSDC();
        vm.prank(ADMIN);
        sys.catalog.allowToken(address(usdc), true);
        vm.prank(TREASURY);
        treasuryId = sys.registry.register();
        vm.prank(SELLER);
        sellerId = sys.registry.register();
    }

    /// Fee + seller's share = price; the fee is rounded down and is never above its rate nor the cap.
    function testFuzz_feeAndShareMakeThePrice(uint256 price, uint256 rate) public {
        price = within(price, 0, type(uint96).max);
        rate = within(rate, 0, sys.exchange.MAX_FEE_BPS());
        _setFee(rate, treasuryId);
        _sell(price);
        uint256 fee = sys.exchange.creditOf(treasuryId, address(usdc));
        equal(fee + sys.exchange.creditOf(sellerId, address(usdc)), price, "fee + share");
        isTrue(fee * 10_000 <= price * rate, "the fee is above its rate");
        isTrue((fee + 1) * 10_000 > price * rate, "the fee is a unit or more below its rate");
        isTrue(fee * 20 <= price, "the fee is above the cap");
        equal(usdc.balanceOf(address(sys.exchange)), price, "money in the exchange");
    }

    /// The smallest prices, where rounding is all there is: the dust is the seller's.
    function testFuzz_dustIsTheSellers(uint256 price, uint256 rate) public {
        price = within(price, 0, 20_000);
        rate = within(rate, 0, 500);
        _setFee(rate, treasuryId);
        _sell(price);
        uint256 fee;
        while ((fee + 1) * 10_000 <= price * rate) ++fee;
        equal(sys.exchange.creditOf(treasuryId, address(usdc)), fee, "fee");
        equal(sys.exchange.creditOf(sellerId, address(usdc)), price - fee, "share");
    }

    /// A seller that earns the fee too has the whole price.
    function testFuzz_sellerMayEarnTheFee(uint256 price, uint256 rate) public {
        price = within(price, 0, type(uint96).max);
        _setFee(within(rate, 0, 500), sellerId);
        _sell(price);
        equal(sys.exchange.creditOf(sellerId, address(usdc)), price, "share and fee");
    }

    /// No rate above the cap can be set, not even by the administrator.
    function testFuzz_capHolds(uint16 rate) public {
        if (rate <= 500) rate += 501;
        bytes memory data = abi.encodeCall(IExchange.setFee, (rate, treasuryId));
        (bool ok, bytes memory result) = callAs(ADMIN, address(sys.exchange), data);
        isTrue(!ok, "a fee above the cap was set");
        equal(result, abi.encodeWithSelector(IExchange.FeeAboveMaximum.selector, rate, 500), "the reason");
        equal(sys.exchange.feeBps(), 0, "the fee's rate");
    }

    function _setFee(uint256 rate, uint256 agentId) private {
        vm.prank(ADMIN);
        sys.exchange.setFee(uint16(rate), agentId);
    }

    function _sell(uint256 price) private {
        ICatalog.Terms memory terms;
        terms.token = address(usdc);
        terms.curve = address(sys.fixedPrice);
        terms.curveParams = abi.encode(price);
        terms.scopes = 1;
        ICatalog.Content memory content;
        content.manifestHash = keccak256("manifest");
        content.summary = "{}";
        content.summaryHash = keccak256("{}");
        vm.prank(SELLER);
        uint256 ekId = sys.catalog.list(0, terms, content);
        usdc.mint(BUYER, price);
        vm.prank(BUYER);
        usdc.approve(address(sys.exchange), price);
        vm.prank(BUYER);
        sys.exchange.buy(IExchange.Purchase(ekId, 1, BUYER, price, block.timestamp, 0));
    }
}

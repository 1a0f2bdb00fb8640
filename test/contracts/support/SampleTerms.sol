// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {IPriceCurve} from "../../../contracts/interfaces/IPriceCurve.sol";
import {Flags} from "../../../contracts/libraries/Flags.sol";
import {Scopes} from "../../../contracts/libraries/Scopes.sol";
import {Reasons} from "./Reasons.sol";
import {World} from "./World.sol";

/// @title Terms and contents to list: most of them good, some not, and what is wrong with those
abstract contract SampleTerms is World {
    using Reasons for Reasons.List;

    function _terms(uint256 seed, uint256 ekId) internal view returns (ICatalog.Terms memory terms) {
        uint256 fault = part(seed, "fault") % 40;
        terms.token = fault == 0 ? address(0xbad) : tokens[part(seed, "token") % tokens.length];
        terms.curve = part(seed, "curve") % 2 == 0 ? address(sys.fixedPrice) : address(sys.linearPrice);
        if (fault == 1) terms.curve = address(sys.points);
        terms.curveParams = _curveParams(part(seed, "prices"), terms.curve, fault == 2);
        terms.supplyCap = seed % 2 == 0 ? 0 : uint32(1 + (part(seed, "cap") % 6));
        terms.startTime = part(seed, "start") % 8 == 0 ? uint40(block.timestamp + (part(seed, "start") % 1 hours)) : 0;
        if (part(seed, "end") % 3 == 0) terms.endTime = uint40(block.timestamp + (part(seed, "end") % 20 days));
        if (fault == 3) terms.endTime = uint40(block.timestamp);
        terms.keyTtl = part(seed, "ttl") % 2 == 0 ? 0 : uint32(part(seed, "ttl") % 7 days);
        terms.scopes =
            fault == 4
                ? 0
                : fault == 5
                    ? Scopes.ALL + 1
                    : uint8(1 + (part(seed, "scopes") % Scopes.ALL));
        terms.flags = fault == 6 ? Flags.ALL + 1 : uint8(part(seed, "flags") % (Flags.ALL + 1));
        _setWindow(terms, part(seed, "window"), fault);
        _setShares(terms, part(seed, "shares"), ekId, fault);
    }

    /// @dev No window, an hour or so, or up to the longest; money back never, until the first use, or all the time.
    function _setWindow(ICatalog.Terms memory terms, uint256 seed, uint256 fault) private pure {
        uint256 kind = seed % 8;
        if (kind > 2) terms.refundWindow = uint32(1 + (part(seed, "short") % 2 hours));
        if (kind > 5) terms.refundWindow = uint32(part(seed, "long") % 30 days);
        if (kind == 7 && seed % 3 == 0) terms.refundWindow = 30 days;
        if (terms.refundWindow != 0) terms.refundTerms = ICatalog.RefundTerms(part(seed, "terms") % 3);
        if (fault == 7) terms.refundWindow = 30 days + 1;
        if (fault == 8) (terms.refundWindow, terms.refundTerms) = (0, ICatalog.RefundTerms.UntilAccess);
        if (part(seed, "points") % 3 == 0) terms.pointsPrice = uint32(1 + (part(seed, "price") % 250));
        terms.requestsPerMinute = uint32(part(seed, "minute") % 100);
        terms.requestsPerDay = uint32(part(seed, "day") % 10_000);
    }

    /// @dev Half of the listings share with validators, a third with whoever brings buyers, and with up to four parents where there are
    /// older listings; together at most half.
    function _setShares(ICatalog.Terms memory terms, uint256 seed, uint256 ekId, uint256 fault) private pure {
        if (seed % 2 == 0) terms.bountyBps = uint16(part(seed, "bounty") % 1001);
        if (part(seed, "referred") % 3 != 0) terms.referralBps = uint16(part(seed, "referral") % 1501);
        if (fault == 9) terms.referralBps = 5001;
        terms.resaleBps = fault == 10 ? 1001 : uint16(part(seed, "resale") % 1001);
        uint256 parents = part(seed, "parents") % 5;
        if (parents >= ekId) parents = ekId - 1;
        if (fault == 11) parents = 9;
        terms.royalties = new ICatalog.Royalty[](parents);
        // A row of neighbours: ascending, and the last one is older than the listing.
        uint256 first = fault == 11 ? 1 : 1 + (part(seed, "first") % (ekId - parents));
        for (uint256 i; i < parents; ++i) {
            terms.royalties[i] = ICatalog.Royalty(uint64(first + i), uint16(1 + ((part(seed, "royalty") + i) % 625)));
        }
        if (parents == 0) return;
        if (fault == 12) terms.royalties[parents - 1].ekId = uint64(ekId);
        if (fault == 13) terms.royalties[0].bps = 0;
    }

    function _content(uint256 seed) internal pure returns (ICatalog.Content memory content) {
        uint256 fault = part(seed, "content") % 40;
        content.manifestHash = fault == 0 ? bytes32(0) : keccak256(abi.encode("manifest", seed));
        if (seed % 3 != 0) content.summary = '{"title":"A sample"}';
        else if (fault != 1) content.uri = "https://seller.example/summary.json";
        content.summaryHash = keccak256(fault == 2 ? bytes("another") : bytes('{"title":"A sample"}'));
    }

    /// @dev Free, in units, in money, or near the largest that a curve takes.
    function _curveParams(uint256 seed, address curve, bool faulty) private view returns (bytes memory) {
        uint256 kind = seed % 8;
        uint256 top =
            kind == 0
                ? 0
                : kind < 3
                    ? 20_000
                    : kind < 7
                        ? 10 ** 9
                        : type(uint96).max;
        uint256 base = top == 0 ? 0 : part(seed, "base") % top;
        if (faulty) base = 2 ** 96;
        if (curve == address(sys.fixedPrice)) return abi.encode(base);
        uint256 max = kind == 7 ? type(uint96).max : base + (part(seed, "max") % (top + 1));
        return abi.encode(base, part(seed, "slope") % (top + 1), faulty ? top : max);
    }

    function _mustBeSellable(
        Reasons.List memory reasons,
        ICatalog.Terms memory terms,
        ICatalog.Content memory content,
        uint256 ekId
    ) internal view {
        reasons.when(block.timestamp < pausedUntil, abi.encodeWithSelector(ICatalog.Paused.selector, pausedUntil));
        _mustBeRefundable(reasons, terms);
        _mustBeShareable(reasons, terms, ekId);
        reasons.when(
            !tokenAllowed[terms.token],
            abi.encodeWithSelector(ICatalog.TokenNotAllowed.selector, terms.token)
        );
        bool fixedCurve = terms.curve == address(sys.fixedPrice);
        bool known = fixedCurve || terms.curve == address(sys.linearPrice);
        reasons.when(!known, abi.encodeWithSelector(ICatalog.CurveNotAllowed.selector, terms.curve));
        bool scoped = terms.scopes != 0 && terms.scopes <= Scopes.ALL;
        reasons.when(!scoped, abi.encodeWithSelector(ICatalog.InvalidScopes.selector, terms.scopes));
        reasons.when(terms.flags > Flags.ALL, abi.encodeWithSelector(ICatalog.InvalidFlags.selector, terms.flags));
        bool sensible = terms.endTime == 0 || (terms.endTime > block.timestamp && terms.endTime > terms.startTime);
        reasons.when(!sensible, abi.encodeWithSelector(ICatalog.InvalidTimes.selector, terms.startTime, terms.endTime));
        uint256 base = abi.decode(terms.curveParams, (uint256));
        // A faulty base is above whatever bounds it: the largest amount, or the linear curve's maximum.
        uint256 bound = type(uint96).max;
        if (!fixedCurve) (, , bound) = abi.decode(terms.curveParams, (uint256, uint256, uint256));
        reasons.when(
            known && base >= 2 ** 96,
            abi.encodeWithSelector(IPriceCurve.CurveParamTooLarge.selector, fixedCurve ? "price" : "base", base, bound)
        );
        _mustBeContent(reasons, content);
    }

    function _mustBeRefundable(Reasons.List memory reasons, ICatalog.Terms memory terms) private pure {
        uint32 window = terms.refundWindow;
        reasons.when(window > 30 days, abi.encodeWithSelector(ICatalog.RefundWindowTooLong.selector, window, 30 days));
        reasons.when(
            window == 0 && terms.refundTerms != ICatalog.RefundTerms.None,
            abi.encodeWithSelector(ICatalog.RefundWindowMissing.selector, terms.refundTerms)
        );
    }

    function _mustBeShareable(Reasons.List memory reasons, ICatalog.Terms memory terms, uint256 ekId) private pure {
        uint256 sum = uint256(terms.bountyBps) + terms.referralBps;
        uint256 count = terms.royalties.length;
        for (uint256 i; i < count; ++i) {
            ICatalog.Royalty memory royalty = terms.royalties[i];
            sum += royalty.bps;
            reasons.when(
                royalty.ekId >= ekId || royalty.bps == 0,
                abi.encodeWithSelector(ICatalog.InvalidRoyalty.selector, i, royalty.ekId, royalty.bps)
            );
        }
        reasons.when(sum > 5000, abi.encodeWithSelector(ICatalog.SharesTooLarge.selector, sum, 5000));
        reasons.when(count > 8, abi.encodeWithSelector(ICatalog.TooManyRoyalties.selector, count, 8));
        reasons.when(
            terms.resaleBps > 1000,
            abi.encodeWithSelector(ICatalog.ResaleTooLarge.selector, terms.resaleBps, 1000)
        );
    }

    function _mustBeContent(Reasons.List memory reasons, ICatalog.Content memory content) private pure {
        reasons.when(content.manifestHash == 0, abi.encodeWithSelector(ICatalog.ManifestHashMissing.selector));
        bytes32 expected = keccak256(bytes(content.summary));
        bool inEvent = bytes(content.summary).length != 0;
        reasons.when(
            inEvent && expected != content.summaryHash,
            abi.encodeWithSelector(ICatalog.SummaryHashMismatch.selector, expected, content.summaryHash)
        );
        bool nowhere = !inEvent && bytes(content.uri).length == 0;
        reasons.when(nowhere, abi.encodeWithSelector(ICatalog.SummaryMissing.selector));
    }

    /// @notice What the next key of each listing costs, and the one after it.
    function nextPrices() external view returns (uint256[2][] memory prices) {
        prices = new uint256[2][](listingCount);
        for (uint256 i; i < prices.length; ++i) {
            ICatalog.Listing storage offer = _listings[i + 1];
            prices[i] = [_priceOf(offer.terms, offer.sold), _priceOf(offer.terms, offer.sold + 1)];
        }
    }

    /// @dev The price of the key number `index` (from 0) under these terms, in the plainest words.
    function _priceOf(ICatalog.Terms memory terms, uint256 index) internal view returns (uint256) {
        if (terms.curve == address(sys.fixedPrice)) return abi.decode(terms.curveParams, (uint256));
        (uint256 base, uint256 slope, uint256 max) = abi.decode(terms.curveParams, (uint256, uint256, uint256));
        uint256 price = base + slope * index;
        return price < max ? price : max;
    }
}

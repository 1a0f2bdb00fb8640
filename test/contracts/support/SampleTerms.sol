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

    function _terms(uint256 seed) internal view returns (ICatalog.Terms memory terms) {
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
        ICatalog.Content memory content
    ) internal view {
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

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {Actions} from "../../../contracts/libraries/Actions.sol";
import {Reasons} from "./Reasons.sol";
import {RotationActions} from "./RotationActions.sol";
import {SampleTerms} from "./SampleTerms.sol";

/// @title Sellers list, re-version, pause, resume and archive
abstract contract ListingActions is RotationActions, SampleTerms {
    using Reasons for Reasons.List;

    uint256 internal constant MAX_LISTINGS = 10;

    /// @dev A seller names its agent, or says 0 and is enrolled when it is none yet.
    function list(uint256 who, uint256 kind, uint256 seed) public {
        if (listingCount == MAX_LISTINGS) return;
        address caller = _account(who);
        uint256 sellerId = kind % 2 == 0 ? 0 : _agent(kind / 2);
        if (sellerId != 0) caller = _actorFor(sellerId, who);
        ICatalog.Terms memory terms = _terms(seed, listingCount + 1);
        ICatalog.Content memory content = _content(seed);
        Reasons.List memory reasons = Reasons.none();
        _mustBeSellable(reasons, terms, content, listingCount + 1);
        if (sellerId == 0 && agentAt[caller] == 0) _mustBeFree(reasons, caller, 0);
        if (sellerId != 0) _mustBeAuthorized(reasons, sellerId, caller);
        bytes memory data = abi.encodeCall(ICatalog.list, (sellerId, terms, content));
        (bool done, bytes memory result) = _attempt(caller, address(sys.catalog), data, reasons);
        if (!done) return;
        equal(abi.decode(result, (uint256)), ++listingCount, "id of the new listing");
        if (sellerId == 0) sellerId = agentAt[caller] == 0 ? _enter(caller) : agentAt[caller];
        ICatalog.Listing storage offer = _listings[listingCount];
        offer.sellerId = uint64(sellerId);
        offer.status = ICatalog.Status.Active;
        _bookVersion(listingCount, terms, content);
    }

    function update(uint256 ek, uint256 who, uint256 seed) external {
        uint256 ekId = _listingId(ek);
        ICatalog.Listing storage offer = _listings[ekId];
        address caller = _actorFor(offer.sellerId, who);
        ICatalog.Terms memory terms = _terms(seed, ekId);
        ICatalog.Content memory content = _content(seed);
        Reasons.List memory reasons = Reasons.none();
        _mustBeAuthorized(reasons, offer.sellerId, caller);
        _mustBeSellable(reasons, terms, content, ekId);
        reasons.when(
            offer.status == ICatalog.Status.Archived,
            abi.encodeWithSelector(IExchange.ListingNotActive.selector, ekId, offer.status)
        );
        reasons.when(
            terms.supplyCap != 0 && terms.supplyCap < offer.sold,
            abi.encodeWithSelector(ICatalog.SupplyCapBelowSold.selector, terms.supplyCap, offer.sold)
        );
        bytes memory data = abi.encodeCall(ICatalog.update, (ekId, terms, content));
        (bool done, bytes memory result) = _attempt(caller, address(sys.catalog), data, reasons);
        if (!done) return;
        _bookVersion(ekId, terms, content);
        equal(abi.decode(result, (uint256)), offer.version, "number of the new version");
    }

    function setStatus(uint256 ek, uint256 who, uint256 seed) external {
        uint256 ekId = _listingId(ek);
        ICatalog.Listing storage offer = _listings[ekId];
        address caller = _actorFor(offer.sellerId, who);
        // Archiving is for ever: rarely, or nothing would be left to sell.
        ICatalog.Status given = ICatalog.Status(
            seed % 32 == 0
                ? 3
                : seed % 32 == 1
                    ? 0
                    : 1 + (seed % 2)
        );
        Reasons.List memory reasons = Reasons.none();
        _mustBeAuthorized(reasons, offer.sellerId, caller);
        bool allowed =
            given != ICatalog.Status.None && given != offer.status && offer.status != ICatalog.Status.Archived;
        reasons.when(!allowed, abi.encodeWithSelector(ICatalog.InvalidStatus.selector, ekId, offer.status, given));
        bytes memory data = abi.encodeCall(ICatalog.setStatus, (ekId, given));
        (bool done, ) = _attempt(caller, address(sys.catalog), data, reasons);
        if (done) offer.status = given;
    }

    function _listingId(uint256 seed) internal view returns (uint256) {
        return 1 + (seed % listingCount);
    }

    function _bookVersion(uint256 ekId, ICatalog.Terms memory terms, ICatalog.Content memory content) private {
        ICatalog.Listing storage offer = _listings[ekId];
        ++offer.version;
        _copy(offer.terms, terms);
        _copy(_versions[ekId][offer.version], terms);
        offer.contentHash = keccak256(abi.encode(content.manifestHash, content.summaryHash));
    }

    /// @dev Member by member: the compiler copies no array of structs into storage.
    function _copy(ICatalog.Terms storage to, ICatalog.Terms memory from) private {
        to.token = from.token;
        to.curve = from.curve;
        to.curveParams = from.curveParams;
        to.supplyCap = from.supplyCap;
        to.startTime = from.startTime;
        to.endTime = from.endTime;
        to.keyTtl = from.keyTtl;
        to.scopes = from.scopes;
        to.flags = from.flags;
        to.refundWindow = from.refundWindow;
        to.refundTerms = from.refundTerms;
        to.bountyBps = from.bountyBps;
        to.referralBps = from.referralBps;
        to.resaleBps = from.resaleBps;
        to.pointsPrice = from.pointsPrice;
        to.requestsPerMinute = from.requestsPerMinute;
        to.requestsPerDay = from.requestsPerDay;
        delete to.royalties;
        for (uint256 i; i < from.royalties.length; ++i) {
            to.royalties.push(from.royalties[i]);
        }
    }

    function _mustBeAuthorized(Reasons.List memory reasons, uint256 agentId, address caller) private view {
        reasons.when(
            !_mayAct(agentId, caller, Actions.LIST),
            abi.encodeWithSelector(IExchange.NotAuthorized.selector, agentId, caller, Actions.LIST)
        );
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILabelRegistry} from "../../../contracts/interfaces/ILabelRegistry.sol";
import {IValidatorBonds} from "../../../contracts/interfaces/IValidatorBonds.sol";
import {Actions} from "../../../contracts/libraries/Actions.sol";
import {Flags} from "../../../contracts/libraries/Flags.sol";
import {LabelTypes} from "../../../contracts/libraries/LabelTypes.sol";
import {Reasons} from "./Reasons.sol";
import {RenewalActions} from "./RenewalActions.sol";

/// @title Validators label, sellers choose validators
abstract contract LabelActions is RenewalActions {
    using Reasons for Reasons.List;

    struct Labelled {
        uint256 ekId;
        uint256 validatorId;
    }

    Labelled[] private _labelled;

    /// @param fault 0: no type, 1: a score of 101, 2: a version that is not there yet, 3: labelled before; else none.
    function label(uint256 ek, uint256 validator, uint256 who, uint256 seed, uint256 fault) external {
        (uint256 ekId, uint256 validatorId) = (_listingId(ek), _agent(validator));
        if (fault % 12 == 3 && _labelled.length != 0) {
            Labelled storage earlier = _labelled[seed % _labelled.length];
            (ekId, validatorId) = (earlier.ekId, earlier.validatorId);
        }
        address caller = _actorFor(validatorId, who);
        uint8[5] memory scores;
        ILabelRegistry.LabelInput memory input;
        (input, scores) = _labelInput(ekId, seed, fault % 12);
        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            !_mayAct(validatorId, caller, Actions.LABEL),
            abi.encodeWithSelector(ILabelRegistry.NotAuthorized.selector, validatorId, caller, Actions.LABEL)
        );
        _mustBeLabel(reasons, input, scores, validatorId);
        bytes memory data = abi.encodeCall(ILabelRegistry.label, (validatorId, input));
        (bool done, ) = _attempt(caller, address(sys.labels), data, reasons);
        if (!done) return;
        _labelled.push(Labelled(ekId, validatorId));
        ++labelsBy[ekId][validatorId];
        _praises[ekId][validatorId] = LabelTypes.isPositive(input.types);
        ++_labelSums[ekId].count;
        for (uint256 i; i < 5; ++i) {
            _labelSums[ekId].scores[i] += scores[i];
        }
    }

    function allowValidator(uint256 ek, uint256 validator, uint256 who, bool allowed) external {
        uint256 ekId = _listingId(ek);
        uint256 sellerId = _listings[ekId].sellerId;
        address caller = _actorFor(sellerId, who);
        uint256[] memory ids = new uint256[](1);
        ids[0] = _agent(validator);
        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            !_mayAct(sellerId, caller, Actions.LIST),
            abi.encodeWithSelector(ILabelRegistry.NotAuthorized.selector, sellerId, caller, Actions.LIST)
        );
        bytes memory data = abi.encodeCall(ILabelRegistry.allowValidators, (ekId, ids, allowed));
        (bool done, ) = _attempt(caller, address(sys.labels), data, reasons);
        if (done) _validatorAllowed[ekId][ids[0]] = allowed;
    }

    /// @dev A validator that labelled bonds, or unbonds some of it, up to twice the stake.
    function bond(uint256 which, uint256 amount, bool out) external {
        if (_labelled.length == 0) return;
        uint256 id = _labelled[which % _labelled.length].validatorId;
        address caller = eoaOf[id];
        uint256 most = out ? _bonded[id] : 2 * STAKE - _bonded[id];
        if (most == 0) return;
        amount = within(amount, 1, most);
        sys.bondToken.mint(caller, amount);
        vm.prank(caller);
        sys.bondToken.approve(address(sys.bonds), amount);
        bytes memory data = abi.encodeCall(IValidatorBonds.bond, (id, amount));
        if (out) data = abi.encodeCall(IValidatorBonds.unbond, (id, amount));
        _attempt(caller, address(sys.bonds), data, Reasons.none());
        _bonded[id] = out ? _bonded[id] - amount : _bonded[id] + amount;
    }

    function endorse(uint256 which, uint256 who) external {
        if (_labelled.length == 0) return;
        Labelled storage l = _labelled[which % _labelled.length];
        uint256 present = _endorserOf[l.ekId];
        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            _vouches(l.ekId, present, STAKE),
            abi.encodeWithSelector(ILabelRegistry.AlreadyEndorsed.selector, l.ekId, present)
        );
        reasons.when(
            !_vouches(l.ekId, l.validatorId, STAKE),
            abi.encodeWithSelector(ILabelRegistry.NotEndorsing.selector, l.ekId, l.validatorId)
        );
        bytes memory data = abi.encodeCall(ILabelRegistry.endorse, (l.ekId, l.validatorId));
        (bool done, ) = _attempt(_account(who), address(sys.labels), data, reasons);
        if (done) _endorserOf[l.ekId] = l.validatorId;
        isTrue(sys.labels.isEndorsed(l.ekId) == _vouches(l.ekId, _endorserOf[l.ekId], STAKE), "endorsed, by the book");
    }

    function _labelInput(
        uint256 ekId,
        uint256 seed,
        uint256 fault
    ) private view returns (ILabelRegistry.LabelInput memory input, uint8[5] memory scores) {
        for (uint256 i; i < 5; ++i) {
            scores[i] = uint8(uint256(keccak256(abi.encode(seed, i))) % 101);
        }
        if (fault == 1) scores[seed % 5] = 101;
        input.ekId = ekId;
        input.version = fault == 2 ? _listings[ekId].version + 1 : uint32(1 + (seed % _listings[ekId].version));
        // Every other one says nothing bad, so that endorsements happen.
        input.types = fault == 0 ? 0 : uint8(1 + (seed % (seed % 2 == 0 ? 255 : 15)));
        input.scores = ILabelRegistry.Scores(scores[0], scores[1], scores[2], scores[3], scores[4]);
        input.summary = "Checked.";
    }

    function _mustBeLabel(
        Reasons.List memory reasons,
        ILabelRegistry.LabelInput memory input,
        uint8[5] memory scores,
        uint256 validatorId
    ) private view {
        uint256 ekId = input.ekId;
        bool restricted = _listings[ekId].terms.flags & Flags.RESTRICTED_VALIDATORS != 0;
        reasons.when(
            _listings[ekId].sellerId == validatorId,
            abi.encodeWithSelector(ILabelRegistry.SelfLabel.selector, ekId, validatorId)
        );
        reasons.when(
            restricted && !_validatorAllowed[ekId][validatorId],
            abi.encodeWithSelector(ILabelRegistry.ValidatorNotAllowed.selector, ekId, validatorId)
        );
        reasons.when(
            labelsBy[ekId][validatorId] != 0,
            abi.encodeWithSelector(ILabelRegistry.LabelExists.selector, ekId, validatorId)
        );
        reasons.when(
            input.version > _listings[ekId].version,
            abi.encodeWithSelector(ILabelRegistry.UnknownVersion.selector, ekId, _listings[ekId].version, input.version)
        );
        reasons.when(input.types == 0, abi.encodeWithSelector(ILabelRegistry.NoLabelType.selector));
        for (uint256 i; i < 5; ++i) {
            bytes memory error = abi.encodeWithSelector(ILabelRegistry.ScoreOutOfRange.selector, i, scores[i]);
            reasons.when(scores[i] > 100, error);
        }
    }
}

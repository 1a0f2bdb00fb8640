// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../contracts/interfaces/ICatalog.sol";
import {IExchange} from "../../contracts/interfaces/IExchange.sol";
import {ILabelRegistry} from "../../contracts/interfaces/ILabelRegistry.sol";
import {Deployment} from "./support/Deployment.sol";

/// @title Labels and what a listing shows of them
contract LabelsTest is Deployment {
    uint256 internal constant VALIDATORS = 6;
    address internal constant ADMIN = address(0xad);
    address internal constant TOKEN = address(0x70);

    System internal sys;
    uint256[2] internal listings;

    function setUp() public {
        sys = deploySystem(ADMIN);
        vm.prank(ADMIN);
        sys.catalog.allowToken(TOKEN, true);
        for (uint256 i; i < VALIDATORS; ++i) {
            vm.prank(_validator(i));
            sys.registry.register();
        }
        listings = [_list(), _list()];
    }

    /// The aggregate is the sum of the labels, whatever the scores and the order; another listing's is untouched.
    function testFuzz_aggregateIsTheSum(uint8[5][VALIDATORS] memory scores, uint256 count) public {
        count %= VALIDATORS + 1;
        uint256[5] memory sums;
        for (uint256 i; i < count; ++i) {
            for (uint256 j; j < 5; ++j) {
                scores[i][j] %= 101;
                sums[j] += scores[i][j];
            }
            _label(i, _input(scores[i], "ok", ""));
            ILabelRegistry.Aggregate memory a = sys.labels.aggregateOf(listings[0]);
            equal(a.count, i + 1, "labels");
            equal(
                abi.encode(a.authenticity, a.utility, a.reproducibility, a.freshness, a.safety),
                abi.encode(sums),
                "sums of the scores"
            );
        }
        equal(sys.labels.aggregateOf(listings[1]).count, 0, "labels of the other listing");
    }

    /// What is stored of a label is what was given, and the hash of its text.
    function testFuzz_labelIsStored(
        uint8[5] memory scores,
        uint8 types,
        string memory summary,
        bytes memory evidence
    ) public {
        for (uint256 j; j < 5; ++j) {
            scores[j] %= 101;
        }
        if (types == 0) types = 1;
        if (bytes(summary).length > 1000 || evidence.length > 2048) return;
        ILabelRegistry.LabelInput memory input = _input(scores, summary, evidence);
        input.types = types;
        _label(0, input);
        ILabelRegistry.Label memory expected = ILabelRegistry.Label({
            version: 1,
            types: types,
            scores: input.scores,
            createdAt: uint32(block.timestamp),
            revision: 1,
            disputed: false,
            inputHash: _hashOf(input)
        });
        equal(abi.encode(sys.labels.labelOf(listings[0], 1)), abi.encode(expected), "the label");
    }

    /// A score above 100 is refused, named by its place and value, and changes nothing.
    function testFuzz_scoreAboveRange(uint8[5] memory scores, uint256 place, uint8 high) public {
        for (uint256 j; j < 5; ++j) {
            scores[j] %= 101;
        }
        place %= 5;
        scores[place] = uint8(within(high, 101, 255));
        bytes memory data = abi.encodeCall(ILabelRegistry.label, (1, _input(scores, "ok", "")));
        (bool ok, bytes memory result) = callAs(_validator(0), address(sys.labels), data);
        isTrue(!ok, "a score above 100 was taken");
        bytes memory reason = abi.encodeWithSelector(ILabelRegistry.ScoreOutOfRange.selector, place, scores[place]);
        equal(result, reason, "the reason");
        equal(sys.labels.aggregateOf(listings[0]).count, 0, "labels");
    }

    /// A second label by the same validator is refused, whatever it says.
    function testFuzz_oneLabelPerValidator(uint8[5] memory scores) public {
        for (uint256 j; j < 5; ++j) {
            scores[j] %= 101;
        }
        _label(0, _input([1, 2, 3, 4, 5], "ok", ""));
        bytes32 before = keccak256(abi.encode(sys.labels.aggregateOf(listings[0])));
        bytes memory data = abi.encodeCall(ILabelRegistry.label, (1, _input(scores, "again", "")));
        (bool ok, bytes memory result) = callAs(_validator(0), address(sys.labels), data);
        isTrue(!ok, "a second label was taken");
        equal(result, abi.encodeWithSelector(ILabelRegistry.LabelExists.selector, listings[0], 1), "the reason");
        equal(keccak256(abi.encode(sys.labels.aggregateOf(listings[0]))), before, "the aggregate");
    }

    function _hashOf(ILabelRegistry.LabelInput memory input) private pure returns (bytes16) {
        bytes memory encoded = abi.encode(input);
        bytes memory tuple = new bytes(encoded.length - 32);
        for (uint256 i; i < tuple.length; ++i) {
            tuple[i] = encoded[i + 32];
        }
        return bytes16(keccak256(tuple));
    }

    function _label(uint256 validator, ILabelRegistry.LabelInput memory input) private {
        vm.prank(_validator(validator));
        sys.labels.label(validator + 1, input);
    }

    function _validator(uint256 i) private pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    function _input(
        uint8[5] memory scores,
        string memory summary,
        bytes memory evidence
    ) private view returns (ILabelRegistry.LabelInput memory input) {
        input.ekId = listings[0];
        input.version = 1;
        input.types = 3;
        input.scores = ILabelRegistry.Scores(scores[0], scores[1], scores[2], scores[3], scores[4]);
        input.tags = new string[](1);
        input.tags[0] = "sample";
        input.summary = summary;
        input.evidenceKind = ILabelRegistry.EvidenceKind.Text;
        input.evidence = evidence;
    }

    function _list() private returns (uint256) {
        ICatalog.Terms memory terms;
        terms.token = TOKEN;
        terms.curve = address(sys.fixedPrice);
        terms.curveParams = abi.encode(0);
        terms.scopes = 1;
        ICatalog.Content memory content;
        content.manifestHash = keccak256("manifest");
        content.summary = "{}";
        content.summaryHash = keccak256("{}");
        return sys.catalog.list(0, terms, content);
    }
}

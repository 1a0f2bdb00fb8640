// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../contracts/interfaces/IExchange.sol";
import {ITills} from "../../contracts/interfaces/ITills.sol";
import {Deployment} from "./support/Deployment.sol";
import {TypedData} from "./support/TypedData.sol";

/// @title The ids that are computed and not given out: keys, quotes, tills
contract IdsTest is Deployment {
    System internal sys;

    function setUp() public {
        sys = deploySystem(vm.addr(0xad));
    }

    /// A key's id holds the listing, the first buyer and the number, and gives each back.
    function testFuzz_keyIdRoundTrip(uint160 ekId, uint64 buyer, uint32 n) public view {
        uint256 keyId = sys.keys.keyIdOf(ekId, buyer, n);
        equal(sys.keys.ekOf(keyId), ekId, "listing");
        equal((keyId / 2 ** 32) % 2 ** 64, buyer, "first buyer");
        equal(keyId % 2 ** 32, n, "number");
    }

    /// Two keys have one id only when listing, first buyer and number are the same.
    function testFuzz_keyIdsDiffer(uint160[2] memory ek, uint64[2] memory buyer, uint32[2] memory n) public view {
        bool same = ek[0] == ek[1] && buyer[0] == buyer[1] && n[0] == n[1];
        uint256 first = sys.keys.keyIdOf(ek[0], buyer[0], n[0]);
        isTrue((first == sys.keys.keyIdOf(ek[1], buyer[1], n[1])) == same, "ids and parts");
    }

    /// A neighbour in any one part has another id.
    function testFuzz_neighboursDiffer(uint160 ekId, uint64 buyer, uint32 n) public view {
        uint256 keyId = sys.keys.keyIdOf(ekId, buyer, n);
        isTrue(keyId != sys.keys.keyIdOf(ekId ^ 1, buyer, n), "another listing");
        isTrue(keyId != sys.keys.keyIdOf(ekId, buyer ^ 1, n), "another buyer");
        isTrue(keyId != sys.keys.keyIdOf(ekId, buyer, n ^ 1), "another number");
    }

    /// A quote's hash is its EIP-712 digest in the domain of {Tills}.
    function testFuzz_quoteHashIsItsDigest(ITills.Quote memory q) public view {
        equal(sys.tills.quoteHashOf(q), TypedData.quote(address(sys.tills), q), "hash of the quote");
    }

    /// The till is the ERC-1167 clone that {Tills} makes with the quote's hash as salt (EIP-1014).
    function testFuzz_tillIsTheClone(ITills.Quote memory q) public view {
        bytes memory code = abi.encodePacked(
            hex"3d602d80600a3d3981f3363d3d373d3d3d363d73",
            sys.tills.tillImplementation(),
            hex"5af43d82803e903d91602b57fd5bf3"
        );
        bytes32 salt = TypedData.quote(address(sys.tills), q);
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(sys.tills), salt, keccak256(code)));
        equal(sys.tills.tillOf(q), address(uint160(uint256(hash))), "address of the till");
    }

    /// A quote that differs in any field has another till, and using the one does not use the other.
    function testFuzz_everyFieldNamesTheTill(ITills.Quote memory q, uint256 field) public view {
        address till = sys.tills.tillOf(q);
        ITills.Quote memory other = abi.decode(abi.encode(q), (ITills.Quote));
        field %= 7;
        if (field == 0) other.ekId ^= 1;
        if (field == 1) other.version ^= 1;
        if (field == 2) other.buyer = address(uint160(q.buyer) ^ 1);
        if (field == 3) other.token = address(uint160(q.token) ^ 1);
        if (field == 4) other.maxPrice ^= 1;
        if (field == 5) other.deadline ^= 1;
        if (field == 6) other.salt ^= bytes32(uint256(1));
        isTrue(sys.tills.tillOf(other) != till, "one till for two quotes");
    }

    /// Another exchange has another till for the same quote, so that a payment can't be taken there.
    function testFuzz_tillsAreTheExchangesOwn(ITills.Quote memory q) public {
        System memory another = deploySystem(vm.addr(0xad));
        isTrue(another.tills.tillOf(q) != sys.tills.tillOf(q), "one till for two exchanges");
        isTrue(another.tills.quoteHashOf(q) != sys.tills.quoteHashOf(q), "one hash for two exchanges");
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token with hooks, as ERC-777 has them, that attacks through every one of them
/// @notice It plays the accomplice too: it can own an agent, listings, credits and allowances, so that what it tries from inside a hook
/// would be allowed from outside. Anyone may mint and command it; authorizations and permits are not checked.
contract HostileToken is ERC20 {
    /// @notice What became of one attack: the hook it started from, whether the call went through, and its returned data.
    struct Attempt {
        string hook;
        bool succeeded;
        bytes data;
    }

    address private _target;
    bytes private _call;
    bool private _striking;
    Attempt[] private _attempts;

    constructor() ERC20("Hostile", "HOST") {}

    /// @notice Makes every hook call `target` with `data` from now on.
    function arm(address target, bytes calldata data) external {
        _target = target;
        _call = data;
        delete _attempts;
    }

    /// @notice Calls anything as the token, outside of any hook.
    function act(address target, bytes calldata data) external returns (bytes memory result) {
        bool ok;
        (ok, result) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    function attempts() external view returns (Attempt[] memory) {
        return _attempts;
    }

    function mint(address to, uint256 value) external {
        _mint(to, value);
    }

    function permit(address owner, address spender, uint256 value, uint256, uint8, bytes32, bytes32) external {
        _strike("permit");
        _approve(owner, spender, value);
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _strike("authorization");
        _transfer(from, to, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _strike("authorization");
        _transfer(from, to, value);
    }

    /// @notice Says yes to any signature that it is asked for as an account.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }

    function _update(address from, address to, uint256 value) internal override {
        _strike("before transfer");
        super._update(from, to, value);
        _strike("after transfer");
    }

    function _strike(string memory hook) private {
        if (_target == address(0) || _striking) return;
        _striking = true;
        (bool ok, bytes memory data) = _target.call(_call);
        _attempts.push(Attempt(hook, ok, data));
        _striking = false;
    }
}

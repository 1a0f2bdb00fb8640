// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {AccessRequirement, IAccessPredicate, RequirementLogic} from "./interfaces/IAccessPredicate.sol";
import {IExperienceKey} from "./interfaces/IExperienceKey.sol";
import {IExperienceKeyHolding} from "./interfaces/IExperienceKeyHolding.sol";
import {Scopes} from "./libraries/Scopes.sol";

/// @title A gate for tools of any ERC-8257 registry: open to agents that may use one Experience
/// @notice Anyone deploys one for an Experience and scopes, and names it as the access predicate of a tool. Whatever the tool's id is,
/// the answer is that of the keys: a registry's ids say nothing of ours.
contract AccessPredicate is IAccessPredicate, IERC165 {
    IExperienceKey public immutable keys;
    uint256 public immutable ekId;
    /// @notice Bit set of {Scopes}; an account must have them all by one key.
    uint8 public immutable scopes;

    error InvalidScopes(uint8 scopes);
    /// @notice No code at the address.
    error NoKeys(address keys);

    constructor(IExperienceKey keys_, uint256 ekId_, uint8 scopes_) {
        if (address(keys_).code.length == 0) revert NoKeys(address(keys_));
        if (scopes_ == 0 || scopes_ & ~Scopes.ALL != 0) revert InvalidScopes(scopes_);
        keys = keys_;
        ekId = ekId_;
        scopes = scopes_;
    }

    /// @inheritdoc IAccessPredicate
    /// @dev Never reverts, so that a registry can tell "no" from "broken".
    function hasAccess(uint256, address account, bytes calldata) external view returns (bool) {
        return keys.hasAccess(ekId, account, scopes);
    }

    /// @inheritdoc IAccessPredicate
    function name() external pure returns (string memory) {
        return "MOA AccessPredicate";
    }

    /// @inheritdoc IAccessPredicate
    function getRequirements(
        uint256
    ) external view returns (AccessRequirement[] memory requirements, RequirementLogic logic) {
        requirements = new AccessRequirement[](1);
        requirements[0] = AccessRequirement({
            kind: type(IExperienceKeyHolding).interfaceId,
            data: abi.encode(address(keys), ekId, scopes),
            label: "A key of the Experience on MOA"
        });
        logic = RequirementLogic.AND;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IAccessPredicate).interfaceId;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Marker of one kind of `AccessRequirement` (ERC-8257): a live key of one Experience with some scopes
/// @notice `data` is `abi.encode(address keys, uint256 ekId, uint8 scopes)`: `keys` answers `hasAccess(ekId, account, scopes)`.
/// @dev Never called: `type(IExperienceKeyHolding).interfaceId` is the requirement's `kind`.
interface IExperienceKeyHolding {
    function experienceKeyHolding() external;
}

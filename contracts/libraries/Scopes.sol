// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title What a key lets its holder do with an Experience
library Scopes {
    uint8 internal constant READ = 1 << 0;
    uint8 internal constant DOWNLOAD = 1 << 1;
    uint8 internal constant EXECUTE = 1 << 2;
    uint8 internal constant QUOTE = 1 << 3;
    uint8 internal constant DERIVE = 1 << 4;

    uint8 internal constant ALL = READ | DOWNLOAD | EXECUTE | QUOTE | DERIVE;
}

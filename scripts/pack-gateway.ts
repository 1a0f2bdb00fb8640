/**
 * Makes the package that a seller installs: the gateway. Prints the folder.
 *
 *   npm run pack:gateway [-- FOLDER]     … into dist/moa-gateway when left out
 */
import { packCommand } from "./pack/room.ts";

packCommand({
  room: "gateway",
  command: "moa-gateway",
  texts: [
    ["gateway/README.md", "README.md"],
    ["docs/SELLING.md", "SELLING.md"],
    ["LICENSE", "LICENSE"],
  ],
});

/**
 * Makes the package that anybody installs who wants to audit the exchange. Prints the folder.
 *
 *   npm run pack:audit [-- FOLDER]     … into dist/moa-audit when left out
 */
import { packCommand } from "./pack/room.ts";

packCommand({
  room: "audit",
  command: "moa-audit",
  texts: [
    ["docs/AUDITING.md", "README.md"],
    ["LICENSE", "LICENSE"],
  ],
});

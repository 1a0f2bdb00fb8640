/** The attacks that the product must stand, and what it does against each. Tests carry the id in their titles. */
export const threats: Record<string, { attack: string; defence: string }> = {
  T1: {
    attack: "Reentrancy from a token hook, a receiver's callback or a refund",
    defence: "one guard over all money paths, effects before transfers, no callback when a key is issued",
  },
  T2: {
    attack: "A payee that reverts or is denylisted blocks everybody",
    defence: "pull credits per agent and token",
  },
  T3: {
    attack: "Fee-on-transfer, rebasing, false-return and hook tokens",
    defence: "allowlist, SafeERC20, exact balance delta",
  },
  T4: {
    attack: "A sandwich on the curve",
    defence: "the buyer's maximum and deadline, the listing's version pinned",
  },
  T5: {
    attack: "Loops of buying and refunding move the price",
    defence: "a refund is exactly what that key cost, and takes it out of the count of sold keys",
  },
  T7: {
    attack: "Rounding: dust splits, zero-cost keys",
    defence: "the fee rounds down in the seller's favour; a claim needs a cost of exactly 0",
  },
  T8: {
    attack: "Terms, price or split changed after the quote or the sale",
    defence: "version in every purchase; keys keep what they were sold with",
  },
  T9: {
    attack: "A signature replayed on another chain, contract or function, twice, or late",
    defence: "EIP-712 domains, nonces, deadlines",
  },
  T10: {
    attack: "High-s, 64-byte and zero-address signatures",
    defence: "OpenZeppelin's ECDSA; nonces, never the signature's bytes, prevent replay",
  },
  T11: {
    attack: "A permit submitted first, so that the purchase reverts",
    defence: "the permit is tried, the allowance decides",
  },
  T12: {
    attack: "The x402 authorization submitted directly: money without a key",
    defence:
      "payTo is the quote's till; whoever has the authorization can finish it, and anyone can send the money back after the deadline; what was paid into a till without a named buyer goes back to the sender in the token's own log; a bound purchase can be submitted by the exchange alone",
  },
  T13: {
    attack: "Cancel the authorization, then claim that it was used",
    defence: "the till's balance decides, never authorizationState",
  },
  T14: {
    attack: "One authorization, many requests",
    defence: "one row per quote and per authorization before anything is sent; a used till has code",
  },
  T15: {
    attack: "Funds moved between verify and settle",
    defence:
      "settling is the sale itself: no key, no run and no byte before it; the token's own log decides, not the facilitator",
  },
  T16: {
    attack: "A body before the right to it, or by another method",
    defence:
      "paid resources answer POST alone, and nothing before their settlement; no byte before token, quota and payment; one payment is one " +
      "run; a receipt of what did go out",
  },
  T17: {
    attack: "A payment for a cheap thing used for a dear one",
    defence: "the till, or the nonce, binds listing, version, buyer and price",
  },
  T18: {
    attack: "The answer is lost and the client pays again",
    defence:
      "a settlement without an answer is unknown, never a fresh 402; the same payload gets the same answer; the SDK never signs twice",
  },
  T19: {
    attack: "A token that ignores a used authorization silently",
    defence: "the till's balance decides",
  },
  T20: {
    attack: "Relayer nonces collide, or bad payloads burn its gas",
    defence:
      "one queue in the database for all processes, simulation before every transaction, a cap of gas per asker and hour; what is stuck is " +
      "sent at a higher fee, what a crash left unsent gives its nonce back",
  },
  T22: {
    attack: "A reorg takes a purchase away that was served already",
    defence:
      "tokens only at the depth that the price calls for; live tokens are held against the chain and revoked, which gateways learn in seconds; " +
      "the payment goes back to unknown, and on from the chain's present answer",
  },
  T21: {
    attack: "Several payments in one transaction, and one key claimed for all",
    defence: "each till's own balance and log decide, never a transaction's hash",
  },
  T23: {
    attack: "Identity hijack through rotation; old keys that still work",
    defence: "old key's authority and new key's consent; sessions, grants, approvals and nonces die",
  },
  T24: {
    attack: "Rotation loses rights, or the old wallet keeps some",
    defence: "everything of value hangs on the agent id",
  },
  T25: {
    attack: "An administrator rugs by parameter",
    defence:
      "every privileged function has a role and a delay; fee, pause and policy bounded in code; no upgrade, no access to money",
  },
  T26: {
    attack: "An administrator or a pause traps money",
    defence:
      "a pause blocks entry alone, for a week at most and every other week at most; no exit can be switched off, and disputes have no " +
      "administration at all",
  },
  T28: {
    attack: "A stolen card issuer's key issues keys that no card paid",
    defence: "a role that is revoked at once, a cap per token and day, each charge once",
  },
  T29: {
    attack: "A chargeback or complaint after the seller was paid",
    defence:
      "a card's money waits for the time in which it can be taken back; a chargeback refunds what is held and burns the key; a disputed " +
      "order pays nobody before the dispute has ended",
  },
  T30: {
    attack: "Forged, replayed, late, shuffled or lost webhooks of the card provider",
    defence:
      "the signature over the raw body, at most 300 s old or ahead; each event once, in the transaction of its effect; the effect is to " +
      "ask the provider, so order does not matter; the provider's own list brings what was lost",
  },
  T31: {
    attack: "Points by self-purchase, rings and refunds",
    defence:
      "none within one agent, by the seller's money or between operators; caps per pair and day and per agent and day; half weight " +
      "for what sells often and nobody vouches for; awarded at completion only",
  },
  T32: { attack: "Points spent twice", defence: "the balance is on chain, and each spend checks it" },
  T34: {
    attack: "A validator unbonds to dodge a slash",
    defence: "unbonding takes longer than the challenge window and can be slashed to its end",
  },
  T36: {
    attack: "Validators collude on a label",
    defence:
      "one voice per linked group, public evidence, challenge, arbitration and appeal, bounded slash; no reputation for who joins a " +
      "verdict, says the same of everything, or favours a seller",
  },
  T37: {
    attack: "Label spam",
    defence: "one live label per validator and listing; only 16 bonded validators count",
  },
  T38: {
    attack: "A frivolous challenge to slash an honest validator or silence its label",
    defence:
      "the challenger's stake and fee, evidence by hash, time to answer; weight is kept until the ruling",
  },
  T40: {
    attack: "Forged capability tokens: alg none, confusion, key injection",
    defence:
      "one algorithm, one token type, the exchange's own key list; an agent without a token: its certificate's handshake and its wallet's signature",
  },
  T41: {
    attack: "A token of one gateway or EK used at another",
    defence:
      "audience, ek_id and a lifetime of at most ten minutes; a certificate stands for its agent at one seller and for named scopes",
  },
  T42: {
    attack: "A key rotation that refuses buyers; a stolen signing key",
    defence:
      "a key stands by, published, before it signs, and stays published after; a killed key leaves the published set at once and is named " +
      "in the feed of revocations: refused within a minute",
  },
  T43: {
    attack: "Sign-in replay, another domain's or chain's message, junk that burns nonces",
    defence:
      "server-side single-use nonce, consumed only by a valid signature over its own message; sessions can be ended, refresh tokens are good once; " +
      "a signed request is bound to this exchange, method, URL, body and five minutes",
  },
  T44: {
    attack: "One user reads or uses another's things",
    defence:
      "ownership is read from the chain for the session's EOA; a free key that is quoted to somebody is given for that one's signature alone",
  },
  T45: {
    attack: "Server-side request forgery through a manifest or a listing",
    defence:
      "what a listing names is fetched only where the seller configured it, by a fetch that resolves once, refuses every address that is " +
      "not public, connects to the one it checked, and checks each redirect alike",
  },
  T46: {
    attack: "Path traversal in item ids",
    defence:
      "ids without paths; each store keeps to its folder, prefix, rows or commit; no links out, no shell, no git program",
  },
  T47: {
    attack: "The seller's store serves other bytes than were sold",
    defence:
      "hash while streaming, whatever the store; sealed items authenticated piece by piece; the client checks against the chain",
  },
  T48: { attack: "Huge, deep or endless bodies", defence: "limits while streaming, 413" },
  T51: {
    attack: "A client's retry makes two orders of one",
    defence:
      "Idempotency-Key and the request's hash stand in the same transaction as the payment; other writes note what they send before it leaves; " +
      "whoever was so slow that another took over sends nothing; an x402 payment identifier counts only under its payer's signature",
  },
  T53: {
    attack: "Rate abuse",
    defence:
      "requests a minute by agent and by address, paying apart from reading, counted by all processes together; more at once than a process may " +
      "have under way is refused",
  },
  T54: { attack: "Secrets in logs", defence: "structured logs without bodies, tokens or query strings" },
  T55: {
    attack: "An RPC that is stale, of another chain or another deployment",
    defence:
      "chain id and deploy block hash checked at boot and while running; a head that is older than one that any process saw, or than a chain's " +
      "blocks may be, is not believed; rights are read at one block, whichever node of a pool answers; fail closed",
  },
  T49: {
    attack: "A made-up X-Forwarded-For to dodge limits",
    defence: "it counts only behind proxies that the exchange's or the gateway's operator trusts",
  },
  T50: {
    attack: "A race on the uses that are left",
    defence: "counted in the ledger, in one transaction, by all processes",
  },
};

/** The SDK's public entry. */
export { authorizationNonce, PURCHASE_SCHEME, type Purchase } from "./bound-purchase.ts";
export { type CapabilityClaims, verifyCapability } from "./capability.ts";
export {
  createExchange,
  type Exchange,
  type ExchangeOptions,
  type Experience,
  type SearchFilters,
} from "./client.ts";
export { type Deployment, deploymentSchema } from "./deployment.ts";
export { createDpopKey, type DpopKey } from "./dpop.ts";
export {
  CapabilityExpiredError,
  CapabilityInvalidError,
  CapabilityRevokedError,
  type ErrorCode,
  ExchangeError,
  errorCodes,
  HashMismatchError,
  InvalidIdError,
  ManifestInvalidError,
} from "./errors.ts";
export type { Executed } from "./execution.ts";
export type { FetchedItem } from "./experience.ts";
export type { KeptReceipt } from "./gateway-access.ts";
export * as ids from "./ids.ts";
export {
  type ContentManifest,
  contentManifestSchema,
  hashManifest,
  type ManifestItem,
  parseManifest,
  verifyItem,
} from "./manifest.ts";
export type { PendingPayment } from "./payment.ts";
export { type PurchaseBounds, PurchaseScheme } from "./purchase-scheme.ts";
export { type LeafProof, proveLeaf, provesAbsence, verifyLeaf } from "./receipt-proofs.ts";
export { type ReceiptTree, receiptTree } from "./receipt-tree.ts";
export { leafOf, missingNumbers, provesReplay, type Receipt, verifyReceipt } from "./receipts.ts";
export { actions, labels, scopes, scoreNames } from "./records.ts";
export type { Profile } from "./registration.ts";
export { createReputationReplay } from "./reputation/replay.ts";
export { REPUTATION_VERSION, type Reputation } from "./reputation/score.ts";
export { type SellerFacts, type SellerUse, sellerReputation } from "./reputation/seller.ts";
export { type ValidatorFacts, validatorReputation } from "./reputation/validator.ts";
export type { Signer, Wallet } from "./signer.ts";
export { type Quote, quoteHash, tillAddress } from "./till.ts";
export type { Watching } from "./watching.ts";
export type { AgentProfile } from "./wire/agent.ts";
export type { Analytics, MyAnalytics, PriceHistory } from "./wire/analytics.ts";
export type { CreateListingRequest, EKSummary, QuoteResponse } from "./wire/listing.ts";
export type { PayoutsResponse, TransactionRequest } from "./wire/orders.ts";
export type { PurchaseResponse, TokenResponse } from "./wire/purchase.ts";
export type { AgentReputation, RoleReputation } from "./wire/reputation.ts";
export type { SubmitValidationRequest, ValidationRecord } from "./wire/validation.ts";

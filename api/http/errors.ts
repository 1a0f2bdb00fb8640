/** Every failure becomes the one error shape: `{code, message, request_id, details}`, with the hint in the details. */
import { HTTPException } from "hono/http-exception";
import {
  BaseError,
  BlockNotFoundError,
  HttpRequestError,
  IntegerOutOfRangeError,
  RpcRequestError,
  TimeoutError,
} from "viem";
import { type ErrorCode, ExchangeError } from "../../sdk/errors.ts";
import type { ApiError } from "../../sdk/wire/common.ts";
import { refusalOf } from "../chain/refusals.ts";
import { ContractRefusal } from "../chain/relayer.ts";
import { databaseCodeOf, isDatabaseDown } from "../store/database.ts";
import type { AppContext } from "./context.ts";
import { errorFields, log } from "./log.ts";

/** Hono's `onError`. */
export function onError(thrown: Error, c: AppContext): Response {
  const error = toExchangeError(thrown);
  if (error.status >= 500) {
    log("error", error.message, { request_id: c.get("requestId"), code: error.code, ...errorFields(thrown) });
  }
  return errorResponse(c, error);
}

/** Seconds after which it makes sense to ask again. */
const retryAfter: Partial<Record<ErrorCode, number>> = { PAYMENT_PENDING: 2, SERVICE_UNAVAILABLE: 5 };

export function errorResponse(c: AppContext, error: ExchangeError): Response {
  const seconds = secondsIn(error.details.retry_after) ?? retryAfter[error.code];
  if (seconds !== undefined) c.header("Retry-After", String(seconds));
  return c.json(errorBody(error, c.get("requestId")), error.status as 400);
}

function secondsIn(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;
}

export function errorBody(error: ExchangeError, requestId: string): ApiError {
  return {
    code: error.code,
    message: error.message,
    request_id: requestId,
    details: { ...error.details, ...(error.hint === undefined ? {} : { hint: error.hint }) },
  };
}

/** What the failure means to the user. What they can't help is told without its inner words: those are in the log. */
export function toExchangeError(error: unknown): ExchangeError {
  if (error instanceof ExchangeError) return error;
  if (error instanceof ContractRefusal) return refusalOf(error.revert);
  if (error instanceof HTTPException) {
    return new ExchangeError("INVALID_REQUEST", `${error.message || "The request can't be read"}.`, {
      status: error.status,
      hint: "Bodies are JSON, with content-type: application/json.",
    });
  }
  if (error instanceof BaseError && error.walk((cause) => cause instanceof IntegerOutOfRangeError)) {
    return new ExchangeError(
      "INVALID_REQUEST",
      "A number in the request is larger than the contracts can hold.",
      {
        hint: "Times are Unix seconds, amounts smallest units.",
      },
    );
  }
  if (databaseCodeOf(error) === "22021") {
    return new ExchangeError("INVALID_REQUEST", "The request has a NUL character in a text.", {
      hint: "Leave it out.",
    });
  }
  if (isDatabaseDown(error)) return unavailable("The exchange's database does not answer.", "database");
  if (error instanceof BaseError && error.walk(isChainSilence)) {
    return unavailable("The chain does not answer.", "chain");
  }
  return new ExchangeError("INTERNAL_ERROR", "Something went wrong that should not have.", {
    hint: "Try again; if it stays, report the request_id.",
  });
}

/** A block that is not found is one that this node of a pool does not have yet. */
const silences = [HttpRequestError, TimeoutError, RpcRequestError, BlockNotFoundError];

function isChainSilence(cause: unknown): boolean {
  return silences.some((kind) => cause instanceof kind);
}

function unavailable(message: string, check: string): ExchangeError {
  return new ExchangeError("SERVICE_UNAVAILABLE", message, {
    hint: "Try again later; GET /health tells how things are.",
    details: { check },
  });
}

/** Signed requests to one bucket (AWS Signature Version 4). */
import { AwsClient } from "aws4fetch";

export type S3Options = {
  /** The service's URL, such as https://s3.eu-central-1.amazonaws.com, https://storage.googleapis.com or http://127.0.0.1:9000. */
  endpoint: string;
  bucket: string;
  region: string;
  /** In front of every key; empty, or ending in a slash. */
  prefix: string;
  /** `path`: endpoint/bucket/key; `virtual`: the bucket as the first label of the host name, which newer AWS regions insist on. */
  addressing: "path" | "virtual";
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined };
};

/** The object store answered, and not with what was asked for. */
export class S3Error extends Error {
  override readonly name = "S3Error";
  readonly status: number;
  /** The service's own code, such as NoSuchKey; empty where it gave none. */
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type AskOptions = {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array;
  signal?: AbortSignal;
};

/** Milliseconds until the headers of an answer are there. */
const ANSWER_MS = 30_000;

export function createBucket({ endpoint, bucket, region, prefix, addressing, credentials }: S3Options) {
  const { sessionToken, ...keys } = credentials;
  // Signed here, sent and retried by whoever reads: a store that is down is to say so at once.
  const signer = new AwsClient({
    ...keys,
    ...(sessionToken ? { sessionToken } : {}),
    service: "s3",
    region,
    retries: 0,
  });
  const base = new URL(endpoint);
  if (addressing === "virtual") base.hostname = `${bucket}.${base.hostname}`;
  const root = `${base.origin}${base.pathname.replace(/\/+$/, "")}${addressing === "path" ? `/${bucket}` : ""}`;

  return {
    prefix,
    /** Throws {@link S3Error} for any answer that is not 2xx. `key` comes after the prefix; empty is the bucket itself. */
    async ask(method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE", key: string, options: AskOptions = {}) {
      const { query = {}, headers = {}, body, signal } = options;
      // A URL resolves dots before anybody sees them.
      if (key.split("/").some((part) => part === "." || part === ".."))
        throw new Error(`"${key}" is no key: it leads out of the prefix.`);
      const path = key === "" ? "" : `${prefix}${key}`.split("/").map(encodeURIComponent).join("/");
      const url = new URL(`${root}/${path}`);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      const request = await signer.sign(url.href, {
        method,
        headers,
        ...(body && { body: new Uint8Array(body) }),
      });
      const silence = new AbortController();
      const timer = setTimeout(() => silence.abort(new Error(`no answer in ${ANSWER_MS} ms`)), ANSWER_MS);
      const signals = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
      try {
        // A redirect leads to another region's server, for which the signature is not good.
        const response = await fetch(request, { redirect: "manual", signal: signals });
        if (!response.ok) throw await readError(method, url, response);
        return response;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

async function readError(method: string, url: URL, response: Response): Promise<S3Error> {
  const text = (await response.text()).slice(0, 2000);
  const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? "";
  const message = /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? "";
  return new S3Error(
    response.status,
    code,
    `${method} ${url.host}${url.pathname}: ${response.status} ${code} ${message}`.trim(),
  );
}

/**
 * A real S3 server on loopback: s3rver, which takes any version 4 signature, behind a door that does not. The door computes the signature
 * anew as the AWS documentation says ("Signature Version 4 signing process"), from what arrived on the wire.
 */
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { S3Options } from "../../../gateway/stores/s3-bucket.ts";
import { temporary } from "./gateway.ts";

type S3rver = { run(): Promise<AddressInfo>; close(): Promise<void> };
const S3rver = createRequire(import.meta.url)("s3rver") as new (options: Record<string, unknown>) => S3rver;

const ACCOUNT = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

export async function startS3() {
  const dir = temporary();
  const options = {
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory: dir.path,
    serviceEndpoint: "localhost",
  };
  const inner = new S3rver(options);
  const { port: innerPort } = await inner.run();
  const door = createServer((req, res) => {
    if (!isSigned(req)) {
      req.resume();
      return void res.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
    }
    const { method, url, headers } = req;
    const passed = request({ port: innerPort, host: "127.0.0.1", method, path: url, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(res);
    });
    passed.once("error", () => res.destroy());
    res.once("close", () => passed.destroy());
    req.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(door, "listening");
  const { port } = door.address() as AddressInfo;
  let up = true;
  const stop = async () => {
    if (!up) return;
    up = false;
    door.close();
    door.closeAllConnections();
    await once(door, "close");
    await inner.close();
  };
  const s3: S3Options = {
    endpoint: `http://127.0.0.1:${port}`,
    bucket: "experiences",
    region: "eu-central-1",
    prefix: "shop/",
    addressing: "path",
    credentials: ACCOUNT,
  };
  return { options: s3, port, stop, end: () => stop().then(() => dir.remove()) };
}

function isSigned({ method, url = "/", headers }: IncomingMessage): boolean {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, key, date = "", region = "", signed = "", signature] =
    pattern.exec(headers.authorization ?? "") ?? [];
  if (key !== ACCOUNT.accessKeyId || !signed.split(";").includes("host")) return false;
  const [path = "", query = ""] = url.split("?");
  const canonical = [
    method,
    path,
    query
      .split("&")
      .filter(Boolean)
      .map((pair) => (pair.includes("=") ? pair : `${pair}=`))
      .toSorted()
      .join("&"),
    ...signed.split(";").map((name) => `${name}:${String(headers[name] ?? "").trim()}`),
    "",
    signed,
    headers["x-amz-content-sha256"],
  ].join("\n");
  const text = [
    "AWS4-HMAC-SHA256",
    headers["x-amz-date"],
    `${date}/${region}/s3/aws4_request`,
    sha256(canonical),
  ].join("\n");
  const signingKey = [date, region, "s3", "aws4_request"].reduce<Buffer | string>(
    hmac,
    `AWS4${ACCOUNT.secretAccessKey}`,
  );
  return hmac(signingKey, text).toString("hex") === signature;
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

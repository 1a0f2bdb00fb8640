/**
 * Answers and failures
 * ├── an error body          becomes ExchangeError with its code, hint, details and request id
 * ├── another error answer   becomes what its status means
 * ├── no answer, half of it  SERVICE_UNAVAILABLE with the cause
 * └── another shape          INTERNAL_ERROR that says where
 */
import { expect } from "chai";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { createExchange } from "../../sdk/client.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { failure } from "./support/failure.ts";
import { apiError, useServer } from "./support/server.ts";

const wallet = privateKeyToAccount(generatePrivateKey());

describe("client: answers and failures", () => {
  const server = useServer();
  const exchange = () => createExchange({ url: `${server.url}/`, wallet });

  it("tells the API's error as it is, with hint and request id", async () => {
    server.routes["GET /listings/ek_31337_9"] = () =>
      apiError(404, "EK_NOT_FOUND", {
        message: "ek_31337_9 is not there.",
        details: { hint: "Search.", ek_id: "ek_31337_9" },
      });
    const error = await failure(exchange().listing("ek_31337_9"));
    expect(error).to.include({
      code: "EK_NOT_FOUND",
      message: "ek_31337_9 is not there.",
      hint: "Search.",
      requestId: "req_1",
      status: 404,
    });
    expect(error.details).to.deep.equal({ hint: "Search.", ek_id: "ek_31337_9" });
  });

  const statuses: [status: number, code: string][] = [
    [400, "INVALID_REQUEST"],
    [404, "NOT_FOUND"],
    [413, "PAYLOAD_TOO_LARGE"],
    [418, "INTERNAL_ERROR"],
    [429, "RATE_LIMITED"],
    [500, "INTERNAL_ERROR"],
    [502, "SERVICE_UNAVAILABLE"],
    [503, "SERVICE_UNAVAILABLE"],
    [504, "SERVICE_UNAVAILABLE"],
  ];
  for (const [status, code] of statuses) {
    it(`tells a ${status} that is not the API's as ${code}`, async () => {
      server.routes["GET /search"] = () => ({
        status,
        bytes: "<html>nginx</html>",
        headers: { "x-request-id": "req_2" },
      });
      const error = await failure(exchange().search());
      expect(error).to.include({ code, status, requestId: "req_2" });
      expect(error.message).to.equal(`${server.url} answered ${status}: <html>nginx</html>`);
    });
  }

  it("tells what was wrong with an answer of another shape, and where", async () => {
    for (const bytes of ["", "<html>", "null", "{}", '{"items":[{}]}']) {
      server.routes["GET /search"] = () => ({ bytes });
      const error = await failure(exchange().search());
      expect(error.code).to.equal("INTERNAL_ERROR");
      expect(error.message).to.match(/answered 200 with something else than expected \(\/.*: .*\)\.$/);
      expect(error.hint).to.be.a("string");
    }
  });

  it("tells that nobody answers, with the cause", async () => {
    const error = await failure(createExchange({ url: "http://127.0.0.1:1", wallet }).search());
    expect(error).to.include({ code: "SERVICE_UNAVAILABLE", status: 503 });
    expect(error.message).to.match(/^http:\/\/127\.0\.0\.1:1 did not answer: /);
    expect(error.cause).to.be.instanceOf(Error);
  });

  it("tells that an answer broke off", async () => {
    for (const breakOff of [0, 3]) {
      server.routes["GET /search"] = () => ({ body: { items: [] }, breakOff });
      expect((await failure(exchange().search())).code).to.equal("SERVICE_UNAVAILABLE");
    }
  });

  it("sends the words and filters that were given, and nothing else", async () => {
    server.routes["GET /search"] = () => ({ body: { items: [] } });
    await exchange().search("rain & sun", { modality: "dataset", limit: 3 });
    await exchange().search();
    expect(server.received.map(({ query }) => query.toString())).to.deep.equal([
      "q=rain+%26+sun&modality=dataset&limit=3",
      "",
    ]);
    expect(server.received[0]?.headers.authorization).to.equal(undefined);
  });

  it("refuses ids and urls that are none before it sends anything", async () => {
    for (const id of ["", "ek_1", "../health", "ek_31337_1/../../health"]) {
      expect((await failure(exchange().listing(id))).code).to.equal("INVALID_REQUEST");
      expect((await failure(exchange().buy(id, { maxPrice: 1n }))).code).to.equal("INVALID_REQUEST");
    }
    expect(server.received).to.deep.equal([]);
    for (const url of ["", "exchange.example", "ftp://x", "javascript:alert(1)"]) {
      expect(() => createExchange({ url, wallet })).to.throw(ExchangeError, "no url of an exchange");
    }
  });

  it("uses the fetch that it is given", async () => {
    const asked: string[] = [];
    const fetch = async (input: Parameters<typeof globalThis.fetch>[0]) => {
      asked.push(String(input));
      return Response.json({ items: [] });
    };
    await createExchange({ url: "https://exchange.example/", wallet, fetch }).search("a");
    expect(asked).to.deep.equal(["https://exchange.example/search?q=a"]);
  });
});

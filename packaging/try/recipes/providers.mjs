// Stands in for the providers of docs/RECIPES.md: it refuses a call as their documentation says that they do (path, credential, version), writes down
// what has arrived, and has an engine answer the rest. Refrain reaches the names in its `upstream` by CONNECT through this process, so that
// its settings are the real ones.
//
// node providers.mjs ENGINE LOG CERTIFICATE KEY PROXY_PORT      and listens on 11434 (Ollama) and 8000 (vLLM), too
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";

const [engine, log, certificate, key, proxyPort] = process.argv.slice(2);

const isBearer = headers => /^Bearer \S+$/.test(headers.authorization ?? "");
const openai = (message, code = null) => ({ error: { message, type: "invalid_request_error", param: null, code } });
const anthropic = (type, message) => ({ type: "error", error: { type, message } });

/** By host: null, or the status and body with which it refuses. */
const providers = {
  // https://platform.openai.com/docs/api-reference/authentication
  "api.openai.com": (headers, url) =>
    !/^\/v1\/(chat\/completions|responses|embeddings)$/.test(url.pathname) ? [404, openai(`Invalid URL (${url.pathname})`)]
    : !isBearer(headers) ? [401, openai("You didn't provide an API key.")]
    : null,
  // https://docs.anthropic.com/en/api/overview, /versioning
  "api.anthropic.com": (headers, url) =>
    !/^\/v1\/messages(\/count_tokens)?$/.test(url.pathname) ? [404, anthropic("not_found_error", url.pathname)]
    : !headers["x-api-key"] && !isBearer(headers) ? [401, anthropic("authentication_error", "x-api-key header is required")]
    : !/^\d{4}-\d{2}-\d{2}$/.test(headers["anthropic-version"]) ? [400, anthropic("invalid_request_error", "anthropic-version: header is required")]
    : null,
  // https://openrouter.ai/docs/api-reference/authentication
  "openrouter.ai": (headers, url) =>
    !/^\/api\/v1\/(chat\/completions|responses|embeddings|messages)$/.test(url.pathname) ? [404, { error: { message: "Not Found", code: 404 } }]
    : !isBearer(headers) ? [401, { error: { message: "No auth credentials found", code: 401 } }]
    : null,
  // https://learn.microsoft.com/en-us/azure/ai-services/openai/reference: deployments want api-version, /openai/v1 does not
  "name.openai.azure.com": (headers, url) => {
    const isDated = /^\/openai\/(deployments\/[^/]+\/(chat\/completions|embeddings)|responses)$/.test(url.pathname);
    const isV1 = /^\/openai\/v1\/(chat\/completions|responses|embeddings)$/.test(url.pathname);
    return !headers["api-key"] && !isBearer(headers) ? [401, { error: { code: "401", message: "Access denied due to invalid subscription key." } }]
      : isV1 || (isDated && url.searchParams.get("api-version")) ? null
      : [404, { error: { code: "404", message: "Resource not found" } }];
  },
  // https://docs.ollama.com/api/openai-compatibility: any key, or none
  "localhost:11434": (headers, url) => (url.pathname.startsWith("/v1/") ? null : [404, "404 page not found"]),
  // https://docs.vllm.ai/en/stable/serving/online_serving: as started with --api-key
  "localhost:8000": (headers, url) =>
    !url.pathname.startsWith("/v1/") ? [404, { detail: "Not Found" }] : !isBearer(headers) ? [401, { error: "Unauthorized" }] : null,
};

/** What Refrain keeps to itself (docs/HTTP.md, W9). */
const kept = /^(x-openrouter-cache|x-refrain-)/;

function answer(response, status, body) {
  const isText = typeof body === "string";
  response.writeHead(status, { "content-type": isText ? "text/plain" : "application/json" });
  response.end(isText ? body : JSON.stringify(body));
}

function serve(request, response) {
  const headers = request.headers;
  const host = String(headers[":authority"] ?? headers.host).toLowerCase();
  const url = new URL(request.url, "http://provider");
  const chunks = [];
  request.on("data", chunk => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const refusal = providers[host] ? providers[host](headers, url) : [421, `There is no ${host} here.`];
    const names = Object.keys(headers).filter(name => !name.startsWith(":"));
    const leaked = names.filter(name => kept.test(name));
    const outcome = leaked.length ? `leaked ${leaked}` : refusal ? `refused ${refusal[0]}` : "ok";
    const credentials = names.filter(name => /^(authorization|x-api-key|api-key)$/.test(name));
    const line = [outcome, `HTTP/${request.httpVersion}`, request.method, host + request.url, credentials.join("+") || "-"];
    fs.appendFileSync(log, line.join("\t") + "\n");
    if (outcome !== "ok") {
      answer(response, ...(refusal ?? [400, outcome]));
      return;
    }
    const path = url.pathname.replace(/^.*?\/(chat\/completions|responses|embeddings|messages)/, "/v1/$1");
    const passed = { "content-type": "application/json", "content-length": body.length };
    // llama.cpp's server does one or the other.
    const server = (path.endsWith("/embeddings") && process.env.EMBEDDINGS) || engine;
    const call = http.request(server + path, { method: request.method, headers: passed }, answered => {
      response.writeHead(answered.statusCode, { "content-type": answered.headers["content-type"] });
      answered.pipe(response);
    });
    call.on("error", fault => answer(response, 500, String(fault)));
    call.end(body);
  });
}

http.createServer(serve).listen(11434, "127.0.0.1");
http.createServer(serve).listen(8000, "127.0.0.1");
const tls = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key), allowHTTP1: true };
const secure = http2.createSecureServer(tls, serve);
secure.listen(0, "127.0.0.1", () => {
  const proxy = http.createServer((request, response) => answer(response, 405, "CONNECT only"));
  proxy.on("connect", (request, client) => {
    const provider = net.connect(secure.address().port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      provider.pipe(client).pipe(provider);
    });
    provider.on("error", () => client.destroy());
    client.on("error", () => provider.destroy());
  });
  proxy.listen(Number(proxyPort), "127.0.0.1", () => console.log("The providers are there."));
});

// The clients of docs/RECIPES.md, each with the lines that stand there: node clients.mjs RECIPE FOLDER
// asks the recipe's questions once, whole and as a stream, and fails if there is no answer. FOLDER has the clients (npm install) and
// takes their files.
import assert from "node:assert";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [recipe, folder] = process.argv.slice(2);
const resolve = createRequire(path.join(folder, "x.js")).resolve;
const load = name => import(resolve(name));
const cached = { "X-OpenRouter-Cache": "true" };
const messages = [{ role: "user", content: "Say hello" }];
const apiKey = "sk-recipes";

async function text(stream, piece) {
  let all = "";
  for await (const event of stream) {
    all += piece(event) ?? "";
  }
  assert.ok(all.length > 0, "an empty stream");
}

async function chat(client, model) {
  const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
  assert.ok(data.choices[0].message.content);
  console.log(response.headers.get("X-OpenRouter-Cache-Status"));
  await text(await client.chat.completions.create({ model, messages, stream: true }), chunk => chunk.choices[0]?.delta.content);
}

async function responses(client, model) {
  assert.ok((await client.responses.create({ model, input: "Say hello" })).output_text);
  await text(await client.responses.create({ model, input: "Say hello", stream: true }), event => event.delta);
}

async function embeddings(client, model) {
  const found = await client.embeddings.create({ model, input: ["one text", "another one"] });
  assert.equal(found.data.length, 2);
}

/** A program, with a home of its own. */
function run(command, args, env = {}) {
  const home = path.join(folder, "home-" + recipe);
  fs.mkdirSync(home, { recursive: true });
  const bin = path.join(folder, "node_modules/.bin");
  const ended = spawnSync(path.join(bin, command), args, {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, ...env },
    encoding: "utf8",
    input: "",
    timeout: 180_000,
  });
  assert.equal(ended.status, 0, `${command}: ${ended.error ?? ""}${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

const recipes = {
  async openai() {
    const { default: OpenAI } = await load("openai");
    const client = new OpenAI({ apiKey, baseURL: "http://localhost:8080/v1", defaultHeaders: cached });
    await chat(client, "gpt-5-mini");
    await responses(client, "gpt-5-mini");
    await embeddings(client, "text-embedding-3-small");
  },

  async anthropic() {
    const { default: Anthropic } = await load("@anthropic-ai/sdk");
    const client = new Anthropic({ apiKey, baseURL: "http://localhost:8080", defaultHeaders: cached });
    const question = { model: "claude-sonnet-5", max_tokens: 100, messages };
    assert.ok((await client.messages.create(question)).content[0].text);
    await text(await client.messages.create({ ...question, stream: true }), event => event.delta?.text);
    await text(client.messages.stream({ ...question, max_tokens: 99 }), event => event.delta?.text);
  },

  /** OpenAI and Anthropic at once. */
  async both() {
    await recipes.openai();
    await recipes.anthropic();
  },

  async openrouter() {
    const { OpenRouter } = await load("@openrouter/sdk");
    const client = new OpenRouter({ apiKey, serverURL: "http://localhost:8080/api/v1" });
    const question = { model: "openai/gpt-5-mini", messages };
    const whole = await client.chat.send({ chatRequest: question }, { headers: cached });
    assert.ok(whole.choices[0].message.content);
    const stream = await client.chat.send({ chatRequest: { ...question, stream: true } }, { headers: cached });
    await text(stream, chunk => chunk.choices[0]?.delta.content);

    const { createOpenRouter } = await load("@openrouter/ai-sdk-provider");
    const { generateText, streamText } = await load("ai");
    const openrouter = createOpenRouter({ apiKey, baseURL: "http://localhost:8080/api/v1", headers: cached });
    assert.ok((await generateText({ model: openrouter("openai/gpt-5-mini"), prompt: "Say hello" })).text);
    await text(streamText({ model: openrouter("openai/gpt-5-mini"), prompt: "Say hello" }).textStream, piece => piece);
  },

  async azure() {
    const { AzureOpenAI, default: OpenAI } = await load("openai");
    const endpoint = "http://localhost:8080";
    const dated = new AzureOpenAI({ apiKey, endpoint, apiVersion: "2025-04-01-preview", defaultHeaders: cached });
    await chat(dated, "my-deployment");
    await responses(dated, "my-deployment");
    await embeddings(dated, "my-embeddings");
    const v1 = new OpenAI({ apiKey, baseURL: `${endpoint}/openai/v1`, defaultHeaders: cached });
    await chat(v1, "my-other-deployment");

    const { createAzure } = await load("@ai-sdk/azure");
    const { generateText, streamText } = await load("ai");
    const azure = createAzure({ apiKey, baseURL: `${endpoint}/openai/v1`, headers: cached });
    const deployments = createAzure({
      apiKey,
      baseURL: `${endpoint}/openai`,
      useDeploymentBasedUrls: true,
      apiVersion: "2025-04-01-preview",
      headers: cached,
    });
    for (const model of [azure("my-deployment"), deployments.chat("my-third-deployment")]) {
      assert.ok((await generateText({ model, prompt: "Say hello" })).text);
      await text(streamText({ model, prompt: "Say hello" }).textStream, piece => piece);
    }
  },

  async ollama() {
    const { default: OpenAI } = await load("openai");
    const client = new OpenAI({ apiKey: "ollama", baseURL: "http://localhost:8080/v1", defaultHeaders: cached });
    await chat(client, "llama3.2");
    await responses(client, "llama3.2");
    await embeddings(client, "nomic-embed-text");
    // Its own API (/api/chat) is not one of those that Refrain speaks.
    const { Ollama } = await load("ollama");
    const own = new Ollama({ host: "http://localhost:8080" });
    await assert.rejects(own.chat({ model: "llama3.2", messages }), { status_code: 404 });
  },

  async vllm() {
    const { default: OpenAI } = await load("openai");
    const client = new OpenAI({ apiKey: "token-abc123", baseURL: "http://localhost:8080/v1", defaultHeaders: cached });
    await chat(client, "NousResearch/Meta-Llama-3-8B-Instruct");
    await responses(client, "NousResearch/Meta-Llama-3-8B-Instruct");
  },

  async langchain() {
    const { ChatOpenAI, OpenAIEmbeddings } = await load("@langchain/openai");
    const { ChatAnthropic } = await load("@langchain/anthropic");
    const configuration = { baseURL: "http://localhost:8080/v1", defaultHeaders: cached };
    const openai = new ChatOpenAI({ apiKey, model: "gpt-5-mini", configuration });
    assert.ok((await openai.invoke("Say hello")).content);
    await text(await openai.stream("Say hello"), chunk => chunk.content);
    const vectors = new OpenAIEmbeddings({ apiKey, model: "text-embedding-3-small", configuration });
    assert.equal((await vectors.embedDocuments(["one text", "another one"])).length, 2);
    const anthropic = new ChatAnthropic({
      apiKey,
      model: "claude-sonnet-5",
      anthropicApiUrl: "http://localhost:8080",
      clientOptions: { defaultHeaders: cached },
    });
    assert.ok((await anthropic.invoke("Say hello")).content);
    await text(await anthropic.stream("Say hello"), chunk => (typeof chunk.content === "string" ? chunk.content : chunk.content[0]?.text));
  },

  async "ai-sdk"() {
    const { generateText, streamText } = await load("ai");
    const { createOpenAI } = await load("@ai-sdk/openai");
    const { createAnthropic } = await load("@ai-sdk/anthropic");
    const openai = createOpenAI({ apiKey, baseURL: "http://localhost:8080/v1", headers: cached });
    const anthropic = createAnthropic({ apiKey, baseURL: "http://localhost:8080/v1", headers: cached });
    for (const model of [openai("gpt-5-mini"), openai.chat("gpt-5-mini"), anthropic("claude-sonnet-5")]) {
      assert.ok((await generateText({ model, prompt: "Say hello" })).text);
      await text(streamText({ model, prompt: "Say hello" }).textStream, piece => piece);
    }
  },

  async "agents-sdk"() {
    const { Agent, run: ask, setDefaultOpenAIClient, setTracingDisabled } = await load("@openai/agents");
    const { default: OpenAI } = await load("openai");
    setDefaultOpenAIClient(new OpenAI({ apiKey, baseURL: "http://localhost:8080/v1", defaultHeaders: cached }));
    setTracingDisabled(true);
    const agent = new Agent({ name: "Greeter", instructions: "Greet.", model: "gpt-5-mini" });
    assert.ok((await ask(agent, "Say hello")).finalOutput);
    const streamed = await ask(agent, "Say hello", { stream: true });
    await text(streamed.toTextStream(), piece => piece);
    await streamed.completed;
  },

  async promptfoo() {
    const config = path.join(folder, "promptfooconfig.yaml");
    fs.writeFileSync(config, `
prompts: ["Say {{word}}", "Write {{word}}"]
providers:
  - id: openai:chat:gpt-5-mini
    config:
      apiBaseUrl: http://localhost:8080/v1
      headers: {X-OpenRouter-Cache: "true"}
tests: [{vars: {word: hello}}, {vars: {word: goodbye}}]
`);
    run("promptfoo", ["eval", "--no-cache", "-c", config], {
      OPENAI_API_KEY: apiKey,
      PROMPTFOO_DISABLE_TELEMETRY: "1",
      PROMPTFOO_DISABLE_UPDATE: "1",
      PROMPTFOO_DISABLE_REMOTE_GENERATION: "1",
    });
  },

  async "claude-code"() {
    const said = run("claude", ["-p", "Say hello"], {
      ANTHROPIC_API_KEY: apiKey,
      ANTHROPIC_BASE_URL: "http://localhost:8080",
      ANTHROPIC_CUSTOM_HEADERS: "X-OpenRouter-Cache: true",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    });
    assert.ok(said.trim());
  },

  async codex() {
    const home = path.join(folder, "codex");
    fs.mkdirSync(home, { recursive: true });
    fs.writeFileSync(path.join(home, "config.toml"), `
model_provider = "refrain"

[model_providers.refrain]
name = "Refrain"
base_url = "http://localhost:8080/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
http_headers = { "X-OpenRouter-Cache" = "true" }
`);
    const said = run("codex", ["exec", "--skip-git-repo-check", "Say hello"], { OPENAI_API_KEY: apiKey, CODEX_HOME: home });
    assert.ok(said.trim());
  },
};

await recipes[recipe]();
// Some clients keep sockets or threads for a while.
process.exit(0);

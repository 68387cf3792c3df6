// Chains of requests by the vendors' own SDKs, through the proxy whose URL is the first argument; the other arguments are what to do (steps, below).
// Run by NodeSdkTest; prints one line of JSON for each step that is to be looked at.
import Anthropic from "@anthropic-ai/sdk";
import { Agent, OpenAIResponsesModel, Runner, setTracingDisabled } from "@openai/agents";
import { OpenRouter } from "@openrouter/sdk";
import OpenAI from "openai";

const [base, ...asked] = process.argv.slice(2);
const headers = { "X-OpenRouter-Cache": "true" };
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "sk-openai", defaultHeaders: headers, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: base, apiKey: "sk-ant", defaultHeaders: headers, maxRetries: 0 });
const say = value => console.log(JSON.stringify(value));

const steps = {
  async openai() {
    let previous;
    for (const input of ["one", "two", "three"]) {
      const response = await openai.responses.create({ model: "m", input, previous_response_id: previous });
      previous = response.id;
      say({ id: response.id, text: response.output_text });
    }
    const kept = await openai.responses.retrieve(previous);
    say({ kept: kept.output_text });
    await openai.responses.inputItems.list(previous);
  },
  // W86: the SDK asks for base64 and makes numbers of it.
  async embeddings() {
    const embed = async (...input) => {
      const { data, response } = await openai.embeddings.create({ model: "m", input }).withResponse();
      say({ vectors: data.data.map(item => item.embedding), places: data.data.map(item => item.index), status: response.headers.get("cache-status") });
    };
    await embed("one", "two", "three");
    await embed("zero", "three", "two");
    await embed("two", "one", "zero");
  },
  async stream() {
    let previous;
    for (const input of ["one", "two", "three"]) {
      const stream = openai.responses.stream({ model: "m", input, previous_response_id: previous });
      const response = await stream.finalResponse();
      previous = response.id;
      say({ id: response.id });
    }
  },
  async agents() {
    setTracingDisabled(true);
    const agent = new Agent({ name: "poet", instructions: "Be brief.", model: new OpenAIResponsesModel(openai, "m") });
    const runner = new Runner({ tracingDisabled: true });
    let previousResponseId;
    for (const input of ["one", "two", "three"]) {
      const result = await runner.run(agent, input, { previousResponseId });
      previousResponseId = result.lastResponseId;
      say({ id: result.lastResponseId, text: result.finalOutput });
    }
  },
  async tools() {
    const runner = anthropic.beta.messages.toolRunner({
      model: "m",
      max_tokens: 99,
      messages: [{ role: "user", content: "What is the weather?" }],
      tools: [{
        name: "weather",
        description: "The weather in a city",
        input_schema: { type: "object", properties: { city: { type: "string" } } },
        run: () => "sunny",
        parse: input => input,
      }],
    });
    for await (const message of runner) say({ id: message.id, stop: message.stop_reason });
  },
  async generation() {
    const hit = async () => {
      const { response } = await openai.chat.completions.create({ model: "m", messages: [] }).withResponse();
      return response.headers.get("X-Generation-Id");
    };
    await hit();
    const id = await hit();
    const router = new OpenRouter({ apiKey: "sk-openai", serverURL: `${base}/api/v1` });
    const { data } = await router.generations.getGeneration({ id });
    say({ id, data });
  },
  // How often each SDK asks, which may try twice more: for an answer that is not stored, and of a provider that is busy.
  async retries() {
    const cases = { lasting: { headers: { "Cache-Control": "only-if-cached" } }, passing: {} };
    for (const [name, options] of Object.entries(cases)) {
      const clients = {
        openai: client => openai.withOptions(client).chat.completions.create({ model: "m", messages: [] }, options),
        anthropic: client => anthropic.withOptions(client).messages.create({ model: "m", max_tokens: 9, messages: [] }, options),
      };
      for (const [vendor, create] of Object.entries(clients)) {
        let attempts = 0;
        const counting = (...request) => (attempts++, fetch(...request));
        const status = await create({ maxRetries: 2, fetch: counting }).then(() => 200, error => error.status);
        say({ name, vendor, status, attempts });
      }
    }
  },
};

for (const step of asked) await steps[step]();

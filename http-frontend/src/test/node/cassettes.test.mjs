// A suite with OpenAI's SDK, which takes its base URL and key from the environment: nothing here knows of cassettes.
import assert from "node:assert";
import test from "node:test";
import OpenAI from "openai";

const question = { model: "demo", messages: [{ role: "user", content: "Say hello" }] };

test("a document", async () => {
  const answer = await new OpenAI().chat.completions.create(question);
  assert.ok(answer.choices[0].message.content.length > 0);
});

test("a stream", async () => {
  let text = "";
  for await (const event of await new OpenAI().chat.completions.create({ ...question, stream: true })) {
    text += event.choices[0]?.delta?.content ?? "";
  }
  assert.ok(text.length > 0);
});

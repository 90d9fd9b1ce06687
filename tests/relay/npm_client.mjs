// npm's `openai` through the relay: node npm_client.mjs https://localhost:PORT/v1 TOKEN ws|websocket
// Asks a question in text, prints the answer; exits with 0 if one came.
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [base, token, way] = process.argv.slice(2);
const require = createRequire(path.join(process.cwd(), "here.js"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { default: OpenAI } = await load("openai");
const { OpenAIRealtimeWS } = await load("openai/realtime/ws");
const { OpenAIRealtimeWebSocket } = await load("openai/realtime/websocket");

if (way === "websocket" && globalThis.WebSocket === undefined) globalThis.WebSocket = (await load("ws")).default;
const client = new OpenAI({ apiKey: token, baseURL: base });
const options = { model: "gpt-realtime-2.1", dangerouslyAllowBrowser: true };
const realtime = way === "ws" ? new OpenAIRealtimeWS(options, client) : new OpenAIRealtimeWebSocket(options, client);

const fail = (why) => {
  console.log("failed:", why);
  process.exit(1);
};
setTimeout(() => fail("nothing came"), 40_000);
realtime.on("error", (error) => fail(JSON.stringify(error?.error ?? String(error))));
realtime.on("session.created", () =>
  realtime.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } }),
);
realtime.on("session.updated", () => {
  const content = [{ type: "input_text", text: "What is 6 times 7?" }];
  realtime.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  realtime.send({ type: "response.create" });
});
realtime.on("response.done", ({ response }) => {
  console.log(response.output[0].content[0].text);
  realtime.close();
  setTimeout(() => process.exit(0), 100);
});

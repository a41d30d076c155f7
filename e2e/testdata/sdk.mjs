// Takes the published npm client through the main flow. It is copied beside the
// installed package and run there:
//
//   node sdk.mjs <server URL> <API key>
//
// It prints one line when all went well, and ends with an error otherwise.
import assert from "node:assert/strict";
import http from "node:http";
import { readFileSync } from "node:fs";

const [, , serverUrl, token] = process.argv;
const loaded = await import("svix");
const { Svix, Webhook } = loaded.Svix ? loaded : loaded.default;
const version = JSON.parse(readFileSync(new URL("node_modules/svix/package.json", import.meta.url))).version;
const old = version.startsWith("1.20.");
const put = old ? "update" : "upsert";

// A receiver that keeps what it gets.
const received = [];
const receiver = http.createServer((req, res) => {
  let body = "";
  req.on("data", (chunk) => (body += chunk));
  req.on("end", () => {
    received.push({ headers: req.headers, body });
    res.end("thanks");
  });
});
await new Promise((ready) => receiver.listen(0, "127.0.0.1", ready));
const hook = `http://127.0.0.1:${receiver.address().port}/hook`;

async function until(what, ask) {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const got = await ask();
    if (got) return got;
    await new Promise((again) => setTimeout(again, 20));
  }
  throw new Error(`never: ${what}`);
}

async function fails(code, call) {
  const err = await call().then(
    () => assert.fail(`no error, want ${code}`),
    (e) => e,
  );
  assert.equal(err.code, code, String(err.body?.detail ?? err.message));
  return err;
}

const svix = new Svix(token, { serverUrl });

// Applications.
const app = await svix.application.create({ name: "Acme", uid: "acme", metadata: { plan: "gold" } });
assert.equal(app.uid, "acme");
assert.ok(app.createdAt instanceof Date && !Number.isNaN(app.createdAt.getTime()));
assert.equal((await svix.application.getOrCreate({ name: "Acme", uid: "acme" })).id, app.id);
await fails(409, () => svix.application.create({ name: "Acme", uid: "acme" }));
assert.equal((await svix.application.get("acme")).id, app.id);
assert.equal((await svix.application.patch("acme", { name: "Acme 2" })).name, "Acme 2");
assert.equal((await svix.application[put]("acme", { name: "Acme 3", uid: "acme" })).name, "Acme 3");
await svix.application.create({ name: "other" });
const apps = await svix.application.list({ limit: 1 });
assert.equal(apps.done, false);
const rest = await svix.application.list({ limit: 1, iterator: apps.iterator });
assert.deepEqual([apps.data[0].name, rest.data[0].name, rest.done], ["Acme 3", "other", true]);

// Event types.
await svix.eventType.create({ name: "order.paid", description: "An order was paid" });
assert.equal((await svix.eventType.get("order.paid")).name, "order.paid");
assert.equal((await svix.eventType.list()).data.length, 1);
await svix.eventType.patch("order.paid", { description: "d" });

// Endpoints.
const endpointIn = { url: hook, uid: "hook", description: "d", channels: ["eu"], metadata: { a: "b" } };
if (old) Object.assign(endpointIn, { filterTypes: ["order.paid"], rateLimit: 500, version: 1 });
else Object.assign(endpointIn, { eventTypes: ["order.paid"], throttleRate: 500, headers: { "X-Custom": "1" } });
const ep = await svix.endpoint.create("acme", endpointIn);
assert.deepEqual(old ? ep.filterTypes : ep.eventTypes, ["order.paid"]);
assert.equal(old ? ep.rateLimit : ep.throttleRate, 500);
const invalid = await fails(422, () => svix.endpoint.create("acme", { url: "nonsense", version: 1 }));
assert.deepEqual(invalid.body.detail[0].loc, ["body", "url"]);
assert.equal((await svix.endpoint.get("acme", "hook")).id, ep.id);
assert.equal((await svix.endpoint.list("acme")).data.length, 1);
assert.equal((await svix.endpoint.patch("acme", "hook", { channels: null })).channels ?? null, null);
const { id: _, createdAt: __, updatedAt: ___, ...all } = await svix.endpoint.get("acme", "hook");
await svix.endpoint[put]("acme", "hook", { ...all, description: "changed" });
await svix.endpoint.patchHeaders("acme", "hook", { headers: { "X-More": "2" } });
assert.equal((await svix.endpoint.getHeaders("acme", "hook")).headers["X-More"], "2");
const before = (await svix.endpoint.getSecret("acme", "hook")).key;
await svix.endpoint.rotateSecret("acme", "hook", {});
const secret = (await svix.endpoint.getSecret("acme", "hook")).key;
assert.notEqual(before, secret);

// Messages.
const msgIn = { eventType: "order.paid", eventId: "e-1", channels: ["eu"], payload: { id: 7, text: "é" } };
const msg = await svix.message.create("acme", msgIn, { idempotencyKey: "k-1" });
assert.equal((await svix.message.create("acme", msgIn, { idempotencyKey: "k-1" })).id, msg.id);
await fails(409, () => svix.message.create("acme", { ...msgIn, payload: {} }, { idempotencyKey: "k-1" }));
await fails(409, () => svix.message.create("acme", msgIn));
const read = await svix.message.get("acme", "e-1", { withContent: true });
assert.deepEqual(read.payload, msgIn.payload);
assert.equal((await svix.message.list("acme", { eventTypes: ["order.paid", "other"], channel: "eu" })).data.length, 1);
await until("a delivery", () => received.length > 0);
assert.equal(received[0].body, JSON.stringify(msgIn.payload));
for (const key of [secret, before]) new Webhook(key).verify(received[0].body, received[0].headers);
assert.equal(received[0].headers["x-more"], "2");
assert.throws(() => new Webhook(secret).verify(`${received[0].body} `, received[0].headers));

// Attempts.
const attempt = await until("an attempt", async () => (await svix.messageAttempt.listByMsg("acme", msg.id)).data[0]);
assert.deepEqual([attempt.status, attempt.responseStatusCode, attempt.endpointId], [0, 200, ep.id]);
assert.equal((await svix.messageAttempt.get("acme", msg.id, attempt.id)).response, "thanks");
assert.equal((await svix.messageAttempt.listByEndpoint("acme", "hook", { status: 0, statusCodeClass: 200 })).data.length, 1);
assert.equal((await svix.messageAttempt.listAttemptedMessages("acme", "hook")).data[0].id, msg.id);
assert.equal((await svix.messageAttempt.listAttemptedDestinations("acme", msg.id)).data[0].id, ep.id);
if (old) assert.equal((await svix.messageAttempt.listAttemptsForEndpoint("acme", msg.id, "hook")).data[0].id, attempt.id);
await svix.messageAttempt.resend("acme", "e-1", "hook");
await until("the second delivery", () => received.length > 1);
assert.equal(received[1].headers["webhook-id"], received[0].headers["webhook-id"]);
assert.equal(received[1].body, received[0].body);
await until("the second attempt", async () => (await svix.messageAttempt.listByMsg("acme", msg.id)).data[0].triggerType === 1);

// The rest.
await svix.endpoint.sendExample("acme", "hook", { eventType: "svix.ping" });
await until("the example", () => received.length > 2);
await svix.endpoint.recover("acme", "hook", { since: new Date(Date.now() - 3_600_000) });
assert.equal((await svix.endpoint.getStats("acme", "hook")).success >= 2, true);
await svix.messageAttempt.expungeContent("acme", msg.id, attempt.id);
await svix.message.expungeContent("acme", msg.id);
assert.deepEqual((await svix.message.get("acme", msg.id, { withContent: true })).payload, { expired: true });
const portal = await svix.authentication.appPortalAccess("acme", {});
assert.ok(portal.url.includes(portal.token));
if (old) assert.ok((await svix.authentication.dashboardAccess("acme")).token);
const browser = new Svix(portal.token, { serverUrl });
assert.equal((await browser.endpoint.list("acme")).data.length, 1);
await fails(403, () => browser.application.list());
await fails(501, () => svix.authentication.logout());
await fails(401, () => new Svix("nonsense", { serverUrl }).application.list());
await fails(404, () => svix.application.get("nobody"));
await fails(422, () => svix.message.create("acme", { eventType: "a b", payload: {} }));
await fails(413, () => svix.message.create("acme", { eventType: "a", payload: { x: "x".repeat(8 << 20) } }));
await svix.endpoint.delete("acme", "hook");
await fails(404, () => svix.endpoint.get("acme", "hook"));
await svix.eventType.delete("order.paid");
await svix.application.delete("acme");
await fails(404, () => svix.application.get("acme"));

receiver.closeAllConnections();
receiver.close();
console.log(`svix ${version} went through`);

// What the admin listener would say after a week of imagined traffic: for pictures, and for what no short test can bring about.
{
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const pick = list => list[Math.floor(random() * list.length)];
  const now = Date.now();
  const outcomes = { hit: 121034, collapsed: 3120, stale: 84, miss: 41230, bypass: 9811, off: 8932 };
  const counts = share => Object.fromEntries(
    Object.entries({ ...outcomes, total: 184211, errors: 412 }).map(([name, n]) => [name, Math.round(n * share)]));
  const iso = ms => new Date(ms).toISOString();

  const stats = {
    started_at: iso(now - 6.2 * 864e5), version: "0.1.0", address: "http://127.0.0.1:8080", requests: counts(1),
    by_endpoint: Object.entries({ chat: 0.55, responses: 0.1, messages: 0.2, embeddings: 0.15 })
      .map(([endpoint, share]) => ({ endpoint, ...counts(share) })),
    hit_ratio: 0.7508, tokens_saved: 148230114, tokens_used: 58222900, time_saved_ms: 291223000,
    money_saved: { amount: 412.118, spent: 161.92, currency: "USD", unpriced_tokens: 1200345 },
    latency: {
      hit: { count: 124238, p50_ms: 0.183, p90_ms: 0.402, p99_ms: 1.92, p999_ms: 8.11, max_ms: 41.2 },
      miss: { count: 41230, p50_ms: 1843, p90_ms: 5222, p99_ms: 14022, p999_ms: 31877, max_ms: 60012 },
    },
    store: {
      entries: 38122, bytes: 742e6, capacity_bytes: 2 ** 30, expired_bytes: 31e6, free_bytes: 315e6, evictions: 1204,
      expirations: 9120, drops: 0, failures: 0, sweeps: 311, overhead_per_entry: 212,
    },
    flights: 3, upstream_calls: 5,
    tiers: { local: 118012, shared: 6226, joined_here: 2940, joined_elsewhere: 388 },
    shared: {
      available: true, connected: true, hits: 6226, misses: 41230, failures: 12, rejects: 0, waits: 611, joins: 388, lookup_ms: 0.41, stores: 40911,
      stores_lost: 31, received_bytes: 14.2e6, sent_bytes: 91.8e6,
    },
    activity: { records: 184211, bytes: 48.3e6, dropped: 0, oldest_at: iso(now - 6.2 * 864e5) },
  };

  const timeseries = range => {
    const [step, steps] = { hour: [60, 60], day: [600, 144], week: [3600, 168] }[range];
    const points = [];
    for (let i = steps - 1; i >= 0; i--) {
      const t = Math.floor(now / 1000 / step) * step - i * step;
      // A day's tide, with noise.
      const load = (0.6 + 0.4 * Math.sin((t / 86400) * 2 * Math.PI)) * (step / 2) * (0.75 + random() / 2);
      const miss = load * (0.18 + random() / 10);
      points.push({
        t, hit: Math.round(load * 0.66), collapsed: Math.round(load * 0.04), stale: i % 37 === 5 ? Math.round(load * 0.05) : 0,
        miss: Math.round(miss), bypass: Math.round(load * 0.05), off: Math.round(load * 0.05), errors: 0,
        tokens_saved: Math.round(load * 1400), tokens_used: Math.round(miss * 1300), time_saved_ms: load * 1200,
        money_saved: load / 1000, money_spent: miss / 500, hit_p50_ms: 0.15 + random() / 10, hit_p99_ms: 0.9 + random() * 2,
        miss_p50_ms: 1300 + random() * 700, miss_p99_ms: 7000 + random() * 6000,
      });
    }
    return { range, step_seconds: step, points, currency: "USD" };
  };

  const id = ms => `gen-${Math.floor(ms / 1000)}-${Array.from({ length: 20 }, () => pick("ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789")).join("")}`;
  let at = now;
  const records = Array.from({ length: 60 }, () => {
    at -= 200 + random() * 4000;
    const cache = pick(["hit", "hit", "hit", "hit", "hit", "miss", "miss", "collapsed", "bypass", "off"]);
    const cached = cache === "hit" || cache === "collapsed";
    const model = pick(["acme/large", "acme/small", "globex/reasoner-2", "initech/chat-mini", "acme/embed-3"]);
    const tokens = 40 + Math.floor(random() * 3000);
    return {
      id: id(at), number: Math.round(at), created_at: iso(at), endpoint: model.includes("embed") ? "embeddings" : pick(["chat", "chat", "responses", "messages"]),
      model, preset: null, scope: pick(["search", "support", "ci", "9f3ac21b7e04"]), streamed: random() < 0.3,
      status: !cached && random() < 0.08 ? 429 : 200, cache, reason: cache === "bypass" ? "payload-too-large" : null,
      source_id: null, key: cache === "off" ? null : Math.floor(random() * 2 ** 48).toString(16).padStart(12, "0"),
      duration_ms: cached ? 0.12 + random() : 600 + random() * 5000, bytes: 400 + Math.floor(random() * 9000),
      tokens_prompt: cached ? 0 : tokens, tokens_completion: cached ? 0 : Math.floor(tokens / 4), tokens_saved: cached ? Math.floor(tokens * 1.25) : 0,
      time_saved_ms: cached ? 600 + random() * 4000 : 0, money_saved: cached ? tokens * 2e-6 : 0, cost: cached ? 0 : tokens * 2e-6, finish_reason: "stop",
    };
  });
  const hit = records.find(record => record.cache === "hit");
  const source = { ...records.find(record => record.cache === "miss"), model: hit.model, endpoint: hit.endpoint, scope: hit.scope, key: hit.key, status: 200, created_at: iso(now - 95000) };
  hit.source_id = source.id;

  const explanation = {
    eligible: true, reason: null, caching: "on", why: "X-OpenRouter-Cache: true turns caching on.", ttl_seconds: 300,
    key: "f7aa2e04a5870c1d94b6e8325fd01c77a90be64438d1f2c05b7e96a2413c8d5f",
    parts: { version: 3, streaming: false, scope: "9f3ac21b7e04", endpoint: "chat", upstream: "https://openrouter.ai/api/v1", query: "empty", preset: "", body: "66aa0012bcde" },
    entry: null,
    nearest: [{ id: source.id, created_at: source.created_at, same: 0.97, differs: ["$.messages[0].content"], key: "aa11bb22cc33", stored: true }],
    nearest_note: "Compared with 1,204 requests of the same scope and endpoint.",
  };

  const group = (name, share) => ({
    name, requests: counts(share), hit_ratio: 0.62 + share / 2, tokens_used: Math.round(58222900 * share), tokens_saved: Math.round(148230114 * share * (0.8 + share)),
    time_saved_ms: 291223000 * share, money_spent: 161.92 * share, money_saved: 412.118 * share, unpriced_tokens: 0, bytes: 812e6 * share,
  });
  const names = {
    model: { "acme/large": 0.41, "globex/reasoner-2": 0.24, "acme/small": 0.19, "acme/embed-3": 0.11, "initech/chat-mini": 0.05 },
    label: { search: 0.44, support: 0.31, ci: 0.2, "9f3ac21b7e04": 0.05 },
  };
  const summary = by => {
    const data = Object.entries(names[by] ?? names.label).map(([name, share]) => group(name, share));
    return { by, data, groups: data.length, total: group(null, 1), others: null, complete: true, records: 184211, oldest_at: iso(now - 6.2 * 864e5), next: null, currency: "USD" };
  };
  const entries = {
    data: Array.from({ length: 50 }, (_, i) => ({
      key: Array.from({ length: 8 }, () => Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0")).join(""),
      model: pick(Object.keys(names.model)), scope: pick(Object.keys(names.label)), namespace: random() < 0.2 ? "evals-11" : null,
      stored_at: iso(now - i * 47e3), expires_at: iso(now - i * 47e3 + 36e5), age_seconds: i * 47, ttl_seconds: 3600 - i * 47,
      bytes: 500 + Math.floor(random() ** 4 * 60000), hits: Math.floor(random() * 8), tokens_saved: 40 + Math.floor(random() * 3000), fetch_ms: 700 + Math.floor(random() * 6000),
    })),
    next: "more", matching: 38122, bytes: 742e6, seen: 38122, complete: true, content: "on",
  };

  const answers = [
    [/\/summary\?by=(\w+)/, (_, by) => summary(by)],
    [/\/entries\/count/, () => ({ matching: 38122, bytes: 742e6, seen: 38122, complete: true })],
    [/\/entries\?/, () => entries],
    [/\/namespaces/, () => ({ data: [{ namespace: "evals-11", entries: 5210 }, { namespace: "evals-12", entries: 312 }] })],
    [/\/timeseries\?range=(\w+)/, (_, range) => timeseries(range)],
    [/\/stats$/, () => stats],
    [/\/activity\?/, () => ({ data: records, next: "more", complete: true, currency: "USD" })],
    [/\/activity\/(.+)/, () => ({ data: hit, source, cause: null, currency: "USD" })],
    [/\/explain$/, () => explanation],
  ];
  window.fetch = async url => {
    for (const [path, answer] of answers) {
      const found = String(url).match(path);
      if (found) return new Response(JSON.stringify(answer(...found)), { headers: { "Content-Type": "application/json" } });
    }
    return new Response("{}", { status: 404 });
  };
  window.EventSource = class extends EventTarget {
    constructor() {
      super();
      setTimeout(() => this.dispatchEvent(new MessageEvent("stats", { data: JSON.stringify(stats) })));
    }
    close() {}
  };
}

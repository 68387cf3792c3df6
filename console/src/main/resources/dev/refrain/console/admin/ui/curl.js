/**
 * Parses a pasted curl command. Splits it as a POSIX shell would, with quotes, backslashes and continued lines, but
 * without expansions. Returns null for any other text.
 */
export function parseCurl(text) {
  if (!/^\s*(\$\s+)?curl\s/.test(text)) return null;
  const words = split(text.replace(/^\s*\$\s+/, ""));
  const found = { path: "", headers: [], body: null };
  const header = value => {
    const colon = value.indexOf(":");
    if (colon > 0) found.headers.push([value.slice(0, colon).trim(), value.slice(colon + 1).trim()]);
  };
  for (let i = 1; i < words.length; i++) {
    const [, flag, joined] = words[i].match(/^(--[a-z-]+)(?:=([\s\S]*))?$/) ?? words[i].match(/^(-[A-Za-z])([\s\S]+)?$/) ?? [null, null, null];
    const value = () => joined ?? words[++i] ?? "";
    if (["-H", "--header"].includes(flag)) header(value());
    else if (["-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json"].includes(flag)) {
      found.body = (found.body === null ? "" : `${found.body}&`) + value();
    } else if (["-u", "--user", "-X", "--request", "-o", "--output", "-A", "--user-agent", "-m", "--max-time"].includes(flag)) value();
    else if (flag === "--url") found.path = pathOf(value());
    else if (!words[i].startsWith("-")) found.path ||= pathOf(words[i]);
  }
  return found;
}

function pathOf(url) {
  return url.replace(/^[a-z]+:\/\//i, "").replace(/^[^/]*/, "").replace(/[?#].*$/, "");
}

function split(text) {
  const words = [];
  let word = null;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "'") {
      const end = text.indexOf("'", i + 1);
      word = (word ?? "") + text.slice(i + 1, end < 0 ? undefined : end);
      i = end < 0 ? text.length : end;
    } else if (c === '"') {
      word ??= "";
      for (i++; i < text.length && text[i] !== '"'; i++) {
        if (text[i] === "\\" && '"\\$`\n'.includes(text[i + 1])) i++;
        if (text[i] !== "\n" || text[i - 1] !== "\\") word += text[i];
      }
    } else if (c === "\\") {
      i++;
      if (text[i] === "\r" && text[i + 1] === "\n") i++;
      if (text[i] !== "\n" && i < text.length) word = (word ?? "") + text[i];
    } else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + c;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

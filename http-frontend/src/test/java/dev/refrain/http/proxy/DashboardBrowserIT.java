package dev.refrain.http.proxy;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Route;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The dashboard as an operator uses it: the executable jar, real requests through its proxy, and a real browser. Each
 * test uses a model of its own, so that all can share one store. After each test the browser must have no complaints:
 * no error, no violation of the content security policy, no dialog that a page opened.
 *
 * <p>Long, since starting the jar and the browser takes as long as most of the tests together.
 */
class DashboardBrowserIT {
    private static final String CHAT = "/v1/chat/completions";
    private static final int LIMIT = 50;

    /** Requests for this model are answered slowly. */
    private static final String GONE = "test/gone";
    /** Requests for this model are refused as too many. */
    private static final String BUSY = "test/busy";

    private static final String SHA256_OF_SK_TEST = "f3abf2a6cc4f00987743db5f544ba345b4899ae31f326d8ee9c4816de153c9e0";

    @TempDir
    static Path folder;

    private static final CountDownLatch asked = new CountDownLatch(1);
    private static final CountDownLatch left = new CountDownLatch(1);

    private static ScriptedProvider provider;
    private static RunningJar jar;
    private static Chromium chromium;

    @BeforeAll
    static void start() throws IOException {
        chromium = Chromium.start();
        provider = new ScriptedProvider().does((exchange, request) -> {
            if (request.body().contains(GONE)) {
                asked.countDown();
                await(left);
            } else if (request.body().contains(BUSY)) {
                ScriptedProvider.json(exchange, 429, "{\"error\": {\"message\": \"too many\"}}");
                return;
            }
            ScriptedProvider.json(exchange, 200, """
                        {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "acme/large",
                         "choices": [{"index": 0, "message": {"role": "assistant", \
                        "content": "Hello <img src=x onerror=alert(9)>"}, \
                        "finish_reason": "stop"}],
                         "usage": {"prompt_tokens": 1200, "completion_tokens": 34, "total_tokens": 1234}}""");
        });
        Path settings = Files.writeString(folder.resolve("refrain.yaml"), """
                admin: {content: on}
                labels: [{name: tests, sha256: %s}]
                """.formatted(SHA256_OF_SK_TEST));
        jar = RunningJar.start(folder, provider.base(), "--config", settings.toString());
    }

    @AfterAll
    static void stop() {
        if (chromium != null) {
            chromium.close();
            jar.close();
            provider.close();
        }
    }

    @AfterEach
    void nothingToComplainAbout() {
        chromium.closePages();
        assertThat(chromium.complaints()).isEmpty();
    }

    // ---- overview

    @Test
    void f48_aRequestShowsUpWithoutAReload() {
        Page page = open("");
        assertThat(page.locator("#connection")).hasText("Live");
        long before = number(page.locator("#requests"));
        Page log = open("activity?model=test/live");
        assertThat(log.locator("#no-rows h2")).hasText("No such requests");
        Page all = open("activity");
        assertThat(all.locator("#connection")).hasText("Live");

        ask("test/live", "hi");
        ask("test/live", "hi");

        assertThat(page.locator("#requests")).hasText(String.valueOf(before + 2));
        assertThat(page.locator("#hit-ratio")).containsText("%");
        assertThat(page.locator("#tokens-saved")).not().hasText("0");
        assertThat(page.locator("#latency tr:first-child td:nth-child(2)")).containsText(Pattern.compile("[0-9].+s"));
        assertThat(log.locator("#rows tr")).hasCount(2);
        assertThat(log.locator("#rows tr").nth(0).locator(".outcome")).hasText("hit");
        assertThat(log.locator("#rows tr").nth(1).locator(".outcome")).hasText("miss");
        // Both requests arrive at once, the older one first, and are put above the existing rows.
        assertThat(all.locator("#rows tr").nth(0).locator(".model")).hasText("test/live");
        assertThat(all.locator("#rows tr").nth(0).locator(".outcome")).hasText("hit");
        assertThat(all.locator("#rows tr").nth(1).locator(".outcome")).hasText("miss");
    }

    @Test
    void chartsAreDrawn() {
        ask("test/charts", "hi");
        ask("test/charts", "hi");
        Page page = open("");
        for (String range : List.of("Hour", "Day", "Week")) {
            page.getByLabel(range, new Page.GetByLabelOptions().setExact(true)).check();
            assertThat(page.locator("#charts .at").first()).hasText("last " + range.toLowerCase(Locale.ROOT));
            assertThat(page.locator("#charts canvas")).hasCount(4);
            // Axes and grid are grey, so coloured pixels are data. The newest figures may come a little later.
            page.waitForFunction("""
                    () => [...document.querySelectorAll("#charts canvas")].every(canvas => {
                      const { width, height } = canvas;
                      const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
                      copy.drawImage(canvas, 0, 0);
                      const { data } = copy.getImageData(0, 0, width, height);
                      let coloured = 0;
                      for (let i = 0; i < data.length; i += 4) {
                        const [r, g, b, a] = data.subarray(i, i + 4);
                        if (a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 60) coloured++;
                      }
                      return coloured > 5;
                    })""");
        }
        page.locator("#chart-table summary").click();
        assertThat(page.locator("#chart-table tbody tr")).hasCount(168);
    }

    @Test
    void aChosenPeriodIsShownInChartsAndFigures() {
        ask("test/own", "hi");
        Page page = open("");
        assertThat(page.locator("#range-own")).isHidden();
        page.getByRole(AriaRole.RADIO, named("From … to …")).check();
        assertThat(page.locator("#charts .at").first()).hasText("in all");
        assertThat(page.locator("#charts figure").first()).containsText("miss");
        page.locator("#range-until").fill("2026-01-02T03:04:05");
        assertThat(page.locator("#range-note")).hasText("The end has to come after the beginning.");
        page.locator("#range-since").fill("2026-01-01T00:00:07");
        assertThat(page.locator("#usage-note")).hasText("The log has no request of this time.");
        page.locator("#range-until").fill("");
        Locator link = page.locator("#usage-rows a").first();
        assertThat(link).hasAttribute("href", Pattern.compile(".*since=2025-12-31T23%3A00%3A07.000Z$"));
        page.getByLabel("Hour", new Page.GetByLabelOptions().setExact(true)).check();
        assertThat(page.locator("#range-own")).isHidden();
        assertThat(page.locator("#charts .at").first()).hasText("last hour");
    }

    // ---- activity

    @Test
    void theLogIsFilteredAndPaged() {
        for (int i = 0; i < LIMIT + 5; i++) {
            ask("test/pages", "question " + i);
        }
        ask("test/pages", "question 0");
        ask("test/pages", "question 1");
        Page page = open("activity");
        Locator rows = page.locator("#rows tr");
        filter(page, "Model").fill("st/PAGES");
        assertThat(rows).hasCount(LIMIT);
        assertThat(page).hasURL(Pattern.compile(".*#/activity\\?model=st%2FPAGES"));

        page.getByRole(AriaRole.BUTTON, named("Older")).click();
        assertThat(page.locator("#page")).hasText("Page 2");
        assertThat(rows).hasCount(7);
        page.getByRole(AriaRole.BUTTON, named("Newer")).click();
        assertThat(rows).hasCount(LIMIT);

        filter(page, "Cached").check();
        assertThat(rows).hasCount(2);
        assertThat(page.locator("#rows .outcome")).hasText(new String[] {"hit", "hit"});
        Download csv = page.waitForDownload(
                () -> page.getByRole(AriaRole.LINK, named("CSV")).click());
        assertThat(lines(csv.path())).hasSize(3).first().asString().startsWith("id,");

        filter(page, "Not cached").check();
        assertThat(rows).hasCount(LIMIT);
        page.reload();
        assertThat(filter(page, "Not cached")).isChecked();
        assertThat(filter(page, "Model")).hasValue("st/PAGES");
        page.locator("#filters [name=endpoint]").selectOption("messages");
        assertThat(page.locator("#no-rows h2")).hasText("No such requests");
        page.getByRole(AriaRole.BUTTON, named("Clear")).click();
        assertThat(rows).hasCount(LIMIT);
        assertThat(filter(page, "All")).isChecked();

        filter(page, "Cached").check();
        assertThat(page).hasURL(Pattern.compile(".*cached=true"));
        page.navigate(address("activity?model=test/pages"));
        assertThat(rows).hasCount(LIMIT);
        assertThat(filter(page, "All")).isChecked();
    }

    @Test
    void aHitIsShownWithTheGenerationItCameFrom() {
        String miss = ask("test/detail", "hi");
        String hit = ask("test/detail", "hi");
        Page page = open("activity?model=test/detail");
        page.locator("#rows tr").first().locator("td.model").click();
        Locator detail = page.getByRole(AriaRole.DIALOG);
        assertThat(detail).containsText(hit);
        assertThat(detail.locator("dl").first()).containsText("Tokens saved1,234");
        assertThat(detail.locator("dl").last()).containsText(miss);
        assertThat(detail.locator("dl").last()).containsText("Prompt tokens1,200");

        detail.getByText("Open that request").click();
        assertThat(detail.locator(".outcome")).hasText("miss");
        page.keyboard().press("Escape");
        assertThat(detail).isHidden();
        assertThat(page).hasURL(Pattern.compile(".*#/activity\\?model=test%2Fdetail"));
    }

    /** The dialog's close event comes in a later task, and so does the address's change. */
    @Test
    void navigatingWhileADetailClosesIsNotUndone() {
        String first = ask("test/on", "hi");
        String second = ask("test/on", "hi");
        Page page = open("activity/" + first);
        Locator detail = page.getByRole(AriaRole.DIALOG);
        assertThat(detail).containsText(first);
        String closeAndGo = "to => { document.querySelector('#detail').close(); location.hash = to; }";

        page.evaluate(closeAndGo, "#/activity/" + second);
        assertThat(detail).containsText("Taken from");
        assertThat(page).hasURL(Pattern.compile(".*#/activity/" + second));

        page.evaluate(closeAndGo, "#/purge?model=test%2Fon");
        assertThat(page.getByRole(AriaRole.BUTTON, named("Remove…"))).isVisible();
        assertThat(detail).isHidden();
        assertThat(page).hasURL(Pattern.compile(".*#/purge\\?model=test%2Fon"));
    }

    @Test
    void aRequestWhoseClientWentAwayIsShownLikeAnyOther() throws IOException {
        try (RawClient client = new RawClient(jar.port())) {
            String body = chat(GONE, "hi");
            client.send(
                    "POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length() + "\r\n\r\n" + body);
            await(asked);
            client.leave(true);
        }
        Page page = open("activity?model=" + GONE);
        Locator gone = page.locator("#rows a[href*='~']").first();
        assertThat(gone).isVisible();
        left.countDown();
        gone.click();
        assertThat(page.getByRole(AriaRole.DIALOG)).containsText("none: the client went away before the answer");
        // The request whose client went away has no id.
        assertThat(page.getByText("Why was this not cached?"))
                .hasAttribute("href", Pattern.compile(".*&id=%7E[0-9]+$"));
        page.keyboard().press("Escape");
        gone.focus();
        page.keyboard().press("ArrowUp");
    }

    @Test
    void anAddressOfAnUnknownRequestSaysSo() {
        Page page = open("activity");
        page.evaluate("location.hash = '#/activity/%E0%A4%A'");
        assertThat(page.getByRole(AriaRole.DIALOG)).containsText("The log has no request with the id");
        assertThat(chromium.complaints()).allMatch(text -> text.contains("404 (Not Found)"));
    }

    @Test
    void theLogIsSortedAndAnswersAreTakenBack() {
        ask("test/sorted", "one");
        String hit = ask("test/sorted", "one");
        ask("test/sorted", "two");
        Page page = open("activity?model=test/sorted&sort=tokens_saved");
        Locator rows = page.locator("#rows tr");
        assertThat(rows).hasCount(3);
        assertThat(rows.first().locator(".outcome")).hasText("hit");
        assertThat(page.locator("#activity-state")).hasText("Sorted");
        page.locator("#filters [name=status]").selectOption("errors");
        assertThat(page.locator("#no-rows h2")).hasText("No such requests");
        page.locator("#filters [name=status]").selectOption("2xx");
        page.locator("#filters [name=cache]").selectOption("miss");
        page.locator("#filters [name=when]").selectOption("hour");
        assertThat(rows).hasCount(2);
        assertThat(page).hasURL(Pattern.compile(".*status=2xx&when=hour&cache=miss&sort=tokens_saved"));

        Locator cost = page.getByRole(AriaRole.COLUMNHEADER, named("Cost"));
        assertThat(cost).isHidden();
        page.locator("#filters [name=sort]").selectOption("cost");
        assertThat(cost).isVisible();

        page.navigate(address("activity/" + hit));
        int calls = provider.calls();
        page.getByRole(AriaRole.BUTTON, named("Take this answer back")).click();
        page.getByRole(AriaRole.BUTTON, named("Take back")).click();
        assertThat(page.locator("#take-back-result")).hasText("It is taken back.");
        ask("test/sorted", "one");
        assertThat(provider.calls()).isEqualTo(calls + 1);
    }

    @Test
    void figuresAreGrouped() {
        ask("test/grouped", "one");
        ask("test/grouped", "one");
        Page page = open("");
        Locator line = page.locator("#usage-rows tr", new Page.LocatorOptions().setHasText("test/grouped"));
        page.locator("#usage-head button[data-sort=money_saved]").click();
        for (int more = 0;
                more < 3 && line.count() == 0 && page.locator("#usage-more").isVisible();
                more++) {
            int shown = page.locator("#usage-rows tr").count();
            page.locator("#usage-more").click();
            assertThat(page.locator("#usage-rows tr")).not().hasCount(shown);
        }
        assertThat(line.locator("td").first()).hasText("2");
        page.locator("#usage-by [value=endpoint]").check();
        assertThat(page.locator("#usage-rows th").first()).hasText("chat");
        page.locator("#usage-by [value=policy]").check();
        assertThat(page.locator("#usage-rows th").first()).hasText("no policy");
    }

    // ---- entries

    @Test
    void anEntryIsFoundAndItsAnswerShownAsText() {
        ask("test/entries", "one");
        ask("test/entries", "two");
        Page page = open("entries?model=test/entries");
        assertThat(page.locator("#entry-rows tr")).hasCount(2);
        assertThat(page.locator("#entries-state")).containsText("2 answers");
        page.locator("#entries-fixed button").click();
        page.getByLabel("Search", new Page.GetByLabelOptions().setExact(true)).fill("t/ENTRIES");
        assertThat(page.locator("#entry-rows tr")).hasCount(2);
        assertThat(page).hasURL(Pattern.compile(".*#/entries\\?search=t%2FENTRIES.*"));
        page.locator("#entry-rows tr").first().locator("td.model").click();
        page.getByRole(AriaRole.BUTTON, named("Look at the answer")).click();
        assertThat(page.locator("#entry pre")).containsText("Hello <img src=x onerror=alert(9)>");
        assertThat(page.locator("img")).hasCount(0);
        page.keyboard().press("Escape");
        assertThat(page.locator("#entry pre")).hasCount(0);
        page.getByLabel("Search", new Page.GetByLabelOptions().setExact(true)).fill("nobody's");
        assertThat(page.locator("#no-entries h2")).hasText("No such answers");
    }

    /** Each page reads the store, and the listener refuses a reader when too many are waiting. */
    @Test
    void quickTypingSendsOneQueryAtATimeAndIsNotRefused() {
        ask("test/typed", "hi");
        Page page = open("entries");
        assertThat(page.locator("#entry-rows tr").first()).isVisible();
        List<Route> held = new CopyOnWriteArrayList<>();
        page.route("**/admin/api/entries?**", held::add);
        Locator search = page.getByLabel("Search", new Page.GetByLabelOptions().setExact(true));
        search.fill("test/a");
        page.waitForCondition(() -> held.size() == 1);
        for (String more : List.of("test/ty", "test/typ", "test/typed")) {
            search.fill(more);
            assertThat(page).hasURL(Pattern.compile(".*search=" + more.replace("/", "%2F") + "&.*"));
        }
        assertThat(held).hasSize(1);
        held.get(0).fulfill(new Route.FulfillOptions().setStatus(503).setBody("{}"));
        page.waitForCondition(() -> held.size() == 2);
        held.get(1).resume();
        page.waitForCondition(() -> held.size() == 3);
        held.get(2).resume();
        assertThat(page.locator("#entry-rows tr")).hasCount(1);
        assertThat(held).hasSize(3);
        assertThat(chromium.complaints()).isNotEmpty().allMatch(text -> text.contains("503"));
    }

    // ---- explain

    @Test
    void aMissIsExplainedByWhatDiffersFromTheNearestRequest() {
        ask("test/explain", "It is 10:00. Hello");
        ask("test/explain", "It is 10:01. Hello");
        Page page = open("activity?model=test/explain");
        page.locator("#rows tr").first().getByRole(AriaRole.LINK).click();
        page.getByText("Why did this miss?").and(page.locator("a")).click();
        assertThat(page.locator("#explain-about")).containsText("the log keeps no prompts");

        page.getByLabel("Header's value").last().fill("Bearer sk-test");
        Locator body = page.getByLabel("Body, or a whole curl command");
        body.fill(chat("test/explain", "It is 10:02. Hello"));
        page.getByRole(AriaRole.BUTTON, named("Explain")).click();
        Locator answer = page.locator("#explanation");
        assertThat(answer.locator(".verdict h2")).hasText("Miss: nothing is stored under its key");
        assertThat(answer.locator(".paths").first()).hasText("$.messages[0].content");
        assertThat(answer).containsText(Pattern.compile("Scopetests \\([0-9a-f]{12}\\)"));

        body.fill(chat("test/explain", "It is 10:01. Hello"));
        page.getByRole(AriaRole.BUTTON, named("Explain")).click();
        assertThat(answer.locator(".verdict h2")).hasText("Hit: it is answered from the cache");
        assertThat(answer.locator("dl").first()).containsText("Expires in");

        body.fill("[1, 2]");
        page.getByRole(AriaRole.BUTTON, named("Explain")).click();
        assertThat(answer.locator(".verdict h2")).containsText("Not eligible");
        assertThat(answer).containsText("not-a-json-object");
    }

    @Test
    void aCurlCommandIsTakenApart() {
        ask("test/curl", "It's me");
        Page page = open("explain");
        page.getByLabel("Body, or a whole curl command")
                .fill("""
                curl -s http://localhost:8080/v1/chat/completions \\
                  -H 'X-OpenRouter-Cache: true' -H "Authorization: Bearer sk-test" \\
                  -d '%s'""".formatted(chat("test/curl", "It's me").replace("'", "'\\''")));
        page.getByRole(AriaRole.BUTTON, named("Explain")).click();
        assertThat(page.locator(".verdict h2")).hasText("Hit: it is answered from the cache");
        assertThat(page.getByLabel("Header's name").last()).hasValue("Authorization");
        assertThat(page.getByLabel("Header's value").last()).hasAttribute("type", "password");
        assertThat(page.getByLabel("Body, or a whole curl command")).hasValue(chat("test/curl", "It's me"));
    }

    // ---- purge

    @Test
    void nothingIsPurgedWithoutAConfirmation() {
        ask("test/purge", "hi");
        Page page = open("purge?model=test/purge");
        page.getByRole(AriaRole.BUTTON, named("Remove…")).click();
        Locator dialog = page.getByRole(AriaRole.DIALOG);
        assertThat(dialog).containsText("All answers to requests for the model test/purge will be removed.");
        assertThat(dialog.locator("#confirm-count")).containsText("This is 1 answer, ");
        page.keyboard().press("Enter"); // on Cancel
        assertThat(dialog).isHidden();
        int calls = provider.calls();
        ask("test/purge", "hi");
        assertThat(provider.calls()).isEqualTo(calls);

        page.getByRole(AriaRole.BUTTON, named("Remove…")).click();
        dialog.getByText("Remove", new Locator.GetByTextOptions().setExact(true))
                .click();
        assertThat(page.locator("#purge-result")).hasText("1 answer removed.");
        ask("test/purge", "hi");
        assertThat(provider.calls()).isEqualTo(calls + 1);
    }

    // ---- safety

    @Test
    void namesAndPromptsAreShownAsText() {
        String payload = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{3}}";
        ask(payload, payload);
        ask(payload, payload);
        Page page = open("activity");
        Locator model = page.locator("#rows td.model").first();
        assertThat(model).hasText(payload);
        model.click();
        // The model's name is shown for the hit, and for the request whose answer the hit repeats.
        assertThat(page.getByRole(AriaRole.DIALOG).getByText(payload)).hasCount(2);
        page.keyboard().press("Escape");

        page.navigate(address("purge") + "?model=" + encoded(payload));
        page.getByRole(AriaRole.BUTTON, named("Remove…")).click();
        assertThat(page.getByRole(AriaRole.DIALOG)).containsText("the model " + payload + " will be removed");
        page.keyboard().press("Escape");

        page.navigate(address("explain") + "?id=" + encoded(payload) + "&endpoint=" + encoded(payload));
        assertThat(page.locator("#explain-about")).containsText(payload);
        page.getByLabel("Header's value").last().fill("Bearer sk-test");
        page.getByLabel("Body, or a whole curl command").fill(chat(payload, "other " + payload));
        page.getByRole(AriaRole.BUTTON, named("Explain")).click();
        assertThat(page.locator(".verdict")).isVisible();
        assertThat(page.locator("img, main script")).hasCount(0);
    }

    @Test
    void everythingFromTheListenerIsShownAsText() {
        String payload = "<img src=x onerror=alert(1)>";
        Page page = chromium.page(1280, 900, ColorScheme.LIGHT);
        page.addInitScript("const payload = '" + payload + "';" + sample() + """
                {
                  const hostile = value =>
                    typeof value === "string" ? (isNaN(Date.parse(value)) ? payload : value)
                    : Array.isArray(value) ? value.map(hostile)
                    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => \
                [k, hostile(v)]))
                    : value;
                  const honest = window.fetch;
                  window.fetch = async url => Response.json(hostile(await (await honest(url)).json()));
                }""");
        page.navigate(address(""));
        assertThat(page.locator("#since")).containsText(payload);
        page.navigate(address("activity"));
        assertThat(page.locator("#rows td.model").first()).hasText(payload);
        page.locator("#rows td.model").first().click();
        assertThat(page.locator("#detail .outcome").first()).containsText(payload);
        page.keyboard().press("Escape");
        page.navigate(address("explain"));
        page.getByLabel("Body, or a whole curl command").fill("{}");
        page.getByRole(AriaRole.BUTTON, named("Explain")).click();
        assertThat(page.locator(".paths").first()).hasText(payload);
        assertThat(page.locator("img")).hasCount(0);
    }

    @Test
    void aTokenOpensTheDashboardWhereOneIsSet() throws IOException {
        Path own = Files.createDirectory(folder.resolve("token"));
        Path settings = Files.writeString(own.resolve("refrain.yaml"), "admin:\n  token: sesame-sesame-sesame\n");
        try (RunningJar guarded = RunningJar.start(own, provider.base(), "--config", settings.toString())) {
            Page page = chromium.page(1280, 900, ColorScheme.LIGHT);
            page.navigate(guarded.admin().resolve("/admin/#/activity").toString());
            page.getByLabel("Token", new Page.GetByLabelOptions().setExact(true))
                    .fill("guess");
            page.keyboard().press("Enter");
            assertThat(page.locator("#sign-in-result")).not().isEmpty();
            page.getByLabel("Token", new Page.GetByLabelOptions().setExact(true))
                    .fill("sesame-sesame-sesame");
            page.keyboard().press("Enter");
            assertThat(page.getByRole(AriaRole.HEADING, named("Activity"))).isVisible();
            assertThat(page.locator("#connection")).hasText("Live");
            assertThat((String) page.evaluate("document.cookie")).isEmpty();
            page.reload();
            assertThat(page.locator("#connection")).hasText("Live");
            page.getByRole(AriaRole.BUTTON, named("Sign out")).click();
            assertThat(page.getByLabel("Token", new Page.GetByLabelOptions().setExact(true)))
                    .isFocused();
            page.reload();
            assertThat(page.getByLabel("Token", new Page.GetByLabelOptions().setExact(true)))
                    .isVisible();
        }
        // The browser itself reports each 401.
        assertThat(chromium.complaints()).isNotEmpty().allMatch(text -> text.contains("401 (Unauthorized)"));
    }

    @Test
    void aLostConnectionIsShownAndRestored() {
        Page page = open("");
        assertThat(page.locator("#connection")).hasText("Live");
        page.route("**/admin/api/**", route -> route.abort());
        page.evaluate("dispatchEvent(new Event('online'))"); // makes the page connect again
        assertThat(page.locator("#connection")).hasText("Offline");
        page.navigate(address("activity"));
        assertThat(page.locator("#no-rows")).containsText("cannot be reached");
        page.unroute("**/admin/api/**");
        page.getByRole(AriaRole.BUTTON, named("Try again")).click();
        assertThat(page.locator("#no-rows")).not().containsText("cannot be reached");
        assertThat(page.locator("#connection")).hasText("Live");
        assertThat(chromium.complaints()).isNotEmpty().allMatch(text -> text.contains("net::ERR_FAILED"));
    }

    // ---- looks

    @Test
    void darkFollowsTheSystemUntilOneIsChosen() {
        Page page = chromium.page(1280, 900, ColorScheme.DARK);
        page.navigate(address(""));
        assertThat(brightness(page)).isLessThan(60);
        Locator toggle = page.locator("#theme");
        assertThat(toggle).hasAttribute("aria-label", "Colours: system. Change");
        toggle.click();
        assertThat(toggle).hasAttribute("aria-label", "Colours: light. Change");
        assertThat(brightness(page)).isGreaterThan(200);
        page.reload();
        assertThat(toggle).hasAttribute("aria-label", "Colours: light. Change");
        assertThat(brightness(page)).isGreaterThan(200);
        toggle.click();
        assertThat(brightness(page)).isLessThan(60);
    }

    @Test
    void coloursCanBeChosenBeforeThereAreFigures() {
        Page page = chromium.page(1280, 900, ColorScheme.LIGHT);
        List<Route> held = new ArrayList<>();
        page.route("**/admin/api/timeseries*", held::add);
        page.navigate(address(""));
        page.waitForCondition(() -> !held.isEmpty());
        page.locator("#theme").click();
        // Figures are requested again when the connection is live, which may be later; only the last ones are drawn.
        page.unroute("**/admin/api/timeseries*");
        held.forEach(Route::resume);
        assertThat(page.locator("#charts canvas")).hasCount(4);
    }

    @Test
    void everyViewFitsAPhone() {
        ask("test/phone-with-a-rather-long-name-that-would-not-fit-a-narrow-column", "hi");
        Page page = chromium.page(360, 740, ColorScheme.LIGHT);
        for (String view : List.of("overview", "activity", "entries", "explain", "purge")) {
            page.navigate(address(view));
            assertThat(page.locator("#" + view + " h1")).isVisible();
            assertThat(width(page, "html")).as(view).isLessThanOrEqualTo(360);
        }
        jar.cached(CHAT, chat(BUSY, "hi"));
        page.navigate(address("activity?model=" + BUSY));
        assertThat(page.locator("#rows .failed")).hasText("429");
        assertThat(page.locator("#rows .failed")).isVisible();
        page.locator("#rows tr").first().click();
        assertThat(page.locator("#detail dl").first()).isVisible();
        assertThat(page.locator("#detail")).containsText("The provider answered 429");
        assertThat(width(page, "#detail")).isLessThanOrEqualTo(360);
    }

    /** Width of all of an element's content, scrolled to or not. */
    private static int width(Page page, String element) {
        return (Integer) page.locator(element).evaluate("e => e.scrollWidth");
    }

    @Test
    void accessibilityRulesHold() {
        ask("test/axe", "hi");
        for (ColorScheme colours : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
            Page page = chromium.page(1280, 900, colours);
            page.navigate(address(""));
            assertThat(page.locator("#connection")).hasText("Live");
            page.evaluate(resource("/META-INF/resources/webjars/axe-core/4.6.3/axe.min.js") + ";0");
            for (String view : List.of("overview", "activity", "entries", "explain", "purge")) {
                page.navigate(address(view));
                assertThat(page.locator("#" + view)).isVisible();
                // All rules are checked in light mode; in dark mode only the colours can differ.
                Object violations = page.evaluate("axe.run(document, %s).then(found => found.violations.map(rule =>"
                                .formatted(colours == ColorScheme.DARK ? "{ runOnly: ['color-contrast'] }" : "{}")
                        + " `${rule.id}: ${rule.nodes.map(node => node.target + ' ' + node.failureSummary)}`))");
                assertThat((List<?>) violations).as(colours + " " + view).isEmpty();
            }
        }
        // Chromium complains about a canvas that axe itself makes.
        assertThat(chromium.complaints()).allMatch(text -> text.contains("willReadFrequently"));
    }

    @Test
    void everythingIsReachedByKeyboard() {
        ask("test/keys", "one");
        ask("test/keys", "two");
        Page page = open("");
        page.keyboard().press("Tab");
        assertThat(page.getByText("Skip to the content")).isFocused();
        page.keyboard().press("Enter");
        assertThat(page.locator("main")).isFocused();
        assertThat(page.locator("#overview")).isVisible();

        page.getByRole(AriaRole.LINK, named("Activity")).focus();
        page.keyboard().press("Enter");
        assertThat(page.locator("#rows tr")).not().hasCount(0);
        Locator rows = page.locator("#rows a");
        for (int presses = 0; presses < 30 && !isFocused(rows.first()); presses++) {
            page.keyboard().press("Tab");
            assertThat((String) page.evaluate("getComputedStyle(document.activeElement.matches('.segments input')"
                            + " ? document.activeElement.nextElementSibling : document.activeElement).outlineStyle"))
                    .as("a visible focus")
                    .isNotEqualTo("none");
        }
        assertThat(rows.first()).isFocused();
        page.keyboard().press("ArrowDown");
        assertThat(rows.nth(1)).isFocused();
        page.keyboard().press("Enter");
        Locator detail = page.getByRole(AriaRole.DIALOG);
        assertThat(detail.locator("dl").first()).isVisible();
        page.keyboard().press("Escape");
        assertThat(detail).isHidden();
        assertThat(rows.nth(1)).isFocused();
    }

    @Test
    void figuresAreShortAndNeverRoundedUp() {
        Page page = open("");
        assertThat(format(
                        page,
                        "duration",
                        "null",
                        "0",
                        "0.0004",
                        "0.1834",
                        "0.99996",
                        "41.2",
                        "999.6",
                        "1843.2",
                        "59996",
                        "61000"))
                .containsExactly(
                        "–",
                        "0 s",
                        "0.400 µs",
                        "183 µs",
                        "1.00 ms",
                        "41.2 ms",
                        "1.00 s",
                        "1.84 s",
                        "1 min",
                        "1 min 1 s");
        assertThat(format(page, "duration", "3599999", "7260000", "291223000"))
                .containsExactly("1 h", "2 h 1 min", "3 d 9 h");
        assertThat(format(page, "count", "null", "0", "99999", "100000", "148230114"))
                .containsExactly("–", "0", "99,999", "100 k", "148 M");
        assertThat(format(page, "percent", "null", "0", "0.00001", "0.7508", "0.99999", "1"))
                .containsExactly("–", "0 %", "0.1 %", "75.1 %", "99.9 %", "100 %");
        assertThat(format(page, "bytes", "0", "844", "1023", "742000000", "1073741824"))
                .containsExactly("0 B", "844 B", "1,023 B", "708 MiB", "1 GiB");
        assertThat((String) page.evaluate(
                        "import('/admin/format.js').then(f => f.money(0.00123, 'EUR') + f.money(1234.5, 'USD'))"))
                .isEqualTo("€0.0012$1,234.50");
    }

    private static List<String> format(Page page, String function, String... values) {
        Object texts = page.evaluate("import('/admin/format.js').then(format => [%s].map(format.%s))"
                .formatted(String.join(", ", values), function));
        return ((List<?>) texts)
                .stream().map(text -> text.toString().replace('\u202f', ' ')).toList();
    }

    /** {@code -Drefrain.screenshots=docs/images} makes the pictures of the documentation, with sample figures. */
    @Test
    void pictures() throws IOException {
        String target = System.getProperty("refrain.screenshots", "");
        Assumptions.assumeFalse(target.isEmpty(), "no -Drefrain.screenshots");
        // Tests run in the module's folder, but the path is relative to the project's.
        Path images = Files.createDirectories(Path.of("..").resolve(target));
        picture(images.resolve("overview-light.png"), 1280, 1010, ColorScheme.LIGHT, "");
        picture(images.resolve("overview-dark.png"), 1280, 1010, ColorScheme.DARK, "");
        picture(images.resolve("overview-phone.png"), 360, 740, ColorScheme.DARK, "");
        picture(images.resolve("activity.png"), 1280, 640, ColorScheme.LIGHT, "activity");
        picture(images.resolve("activity-tablet.png"), 820, 700, ColorScheme.DARK, "activity");
        picture(images.resolve("detail.png"), 1100, 760, ColorScheme.LIGHT, "activity/gen");
        picture(images.resolve("entries.png"), 1280, 640, ColorScheme.LIGHT, "entries");
        picture(images.resolve("explain.png"), 1200, 760, ColorScheme.DARK, "explain");
    }

    private static void picture(Path file, int width, int height, ColorScheme colours, String view) throws IOException {
        Page page = chromium.page(width, height, colours);
        page.addInitScript(sample());
        page.navigate(address(view));
        assertThat(page.locator("#connection")).hasText("Live");
        if (view.equals("explain")) {
            page.getByLabel("Body, or a whole curl command")
                    .fill(chat("acme/large", "It is 10:02. Summarise the news."));
            page.getByRole(AriaRole.BUTTON, named("Explain")).click();
            assertThat(page.locator(".verdict")).isVisible();
        }
        page.screenshot(new Page.ScreenshotOptions().setPath(file));
        assertThat(Files.size(file)).as(file.toString()).isLessThan(150_000);
    }

    // ---- tools

    private static Page open(String view) {
        Page page = chromium.page(1280, 900, ColorScheme.LIGHT);
        page.navigate(address(view));
        return page;
    }

    private static String address(String view) {
        return jar.admin().resolve("/admin/#/" + view).toString();
    }

    /** Makes a cached request. Returns its generation id. */
    private static String ask(String model, String prompt) {
        return jar.cached(CHAT, chat(model, prompt))
                .headers()
                .firstValue("X-Generation-Id")
                .orElseThrow();
    }

    private static String chat(String model, String prompt) {
        return "{\"model\":" + quoted(model) + ",\"messages\":[{\"role\":\"user\",\"content\":" + quoted(prompt)
                + "}]}";
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static Page.GetByRoleOptions named(String name) {
        return new Page.GetByRoleOptions().setName(name).setExact(true);
    }

    private static Locator filter(Page page, String label) {
        return page.locator("#filters").getByLabel(label, new Locator.GetByLabelOptions().setExact(true));
    }

    private static boolean isFocused(Locator locator) {
        return (Boolean) locator.evaluate("e => e === document.activeElement");
    }

    private static long number(Locator locator) {
        assertThat(locator).hasText(Pattern.compile("[0-9,]+"));
        return Long.parseLong(locator.textContent().replace(",", ""));
    }

    /** Brightness of the page's background, 0 to 255. */
    private static int brightness(Page page) {
        Object red = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])");
        return (Integer) red;
    }

    private static String sample() {
        return resource("/dashboard/sample.js");
    }

    private static String resource(String name) {
        try (InputStream in = DashboardBrowserIT.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

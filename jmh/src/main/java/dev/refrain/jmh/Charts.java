package dev.refrain.jmh;

import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/**
 * Draws the charts of docs/PERFORMANCE.md from the figures in {@code jmh/results}: {@code peers.csv}, which
 * {@link PeersInTurn} prints, and {@code http.csv}. To be run in the root of the sources.
 */
public final class Charts {
    private static final Path RESULTS = Path.of("jmh", "results");
    private static final Path IMAGES = Path.of("docs", "images");
    private static final int DPI = 144;

    private Charts() {}

    public static void main(String[] args) throws IOException {
        System.setProperty("java.awt.headless", "true");
        Files.createDirectories(IMAGES);
        drawLatency();
        if (Files.exists(RESULTS.resolve("http.csv"))) {
            drawThroughput();
        }
    }

    private static void drawLatency() throws IOException {
        Map<String, Double> p50 = new LinkedHashMap<>();
        Map<String, Double> p90 = new LinkedHashMap<>();
        for (Map<String, String> row : rows(RESULTS.resolve("peers.csv"))) {
            // Redis is left out: beside its bar, the others would be too short to compare.
            if (row.get("answer").equals("4096") && !row.get("peer").equals("Redis")) {
                p50.put(row.get("peer"), Double.parseDouble(row.get("p50")) / 1000);
                p90.put(row.get("peer"), Double.parseDouble(row.get("p90")) / 1000);
            }
        }
        List<String> peers = p50.keySet().stream()
                .sorted((a, b) -> Double.compare(p50.get(a), p50.get(b)))
                .toList();
        CategoryChart chart = chart("Lookup of a stored answer of 4 KiB", "microseconds");
        chart.addSeries("median", peers, peers.stream().map(p50::get).toList());
        chart.addSeries("90th percentile", peers, peers.stream().map(p90::get).toList());
        save(chart, "lookup-latency");
    }

    /** Draws the latest figures of each kind of load, as multiples of nginx's in the same run. */
    private static void drawThroughput() throws IOException {
        Map<String, Map<String, Double>> ratios = new LinkedHashMap<>();
        for (Map<String, String> row : rows(RESULTS.resolve("http.csv"))) {
            String load = load(row.get("settings"));
            if (load != null) {
                ratios.computeIfAbsent(load, unused -> new LinkedHashMap<>())
                        .put(row.get("server"), Double.parseDouble(row.get("ratio")));
            }
        }
        List<String> loads = List.copyOf(ratios.keySet());
        CategoryChart chart = chart("Stored answers over HTTP, one core", "requests a second, nginx = 1");
        for (String server : List.of("nginx", "refrain")) {
            chart.addSeries(
                    server,
                    loads,
                    loads.stream().map(load -> ratios.get(load).get(server)).toList());
        }
        save(chart, "http-throughput");
    }

    /** The chart's name for a kind of load; null if it is not shown. */
    private static String load(String settings) {
        if (!settings.contains("mode=hits") || settings.contains("vary=1") || settings.contains("idle=")) {
            return null;
        }
        if (settings.contains("stream=1")) {
            return "streams of 200 KB";
        }
        String size = settings.replaceAll(".*size=([0-9]+).*", "$1");
        return "prompts of " + Integer.parseInt(size) / 1024 + " KiB";
    }

    private static CategoryChart chart(String title, String unit) {
        CategoryChart chart = new CategoryChartBuilder()
                .width(900)
                .height(420)
                .title(title)
                .yAxisTitle(unit)
                .build();
        Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
        chart.getStyler()
                .setLabelsVisible(true)
                .setLabelsPosition(1.03)
                .setLabelsFont(font.deriveFont(11f))
                .setAvailableSpaceFill(0.8)
                .setSeriesColors(new Color[] {new Color(0x1f, 0x77, 0xb4), new Color(0xae, 0xc7, 0xe8)})
                .setChartBackgroundColor(Color.WHITE)
                .setPlotBackgroundColor(Color.WHITE)
                .setChartTitleFont(font.deriveFont(Font.BOLD, 15f))
                .setLegendPosition(LegendPosition.InsideNW);
        chart.getStyler().setAxisTickLabelsFont(font.deriveFont(11f));
        chart.getStyler().setLegendFont(font);
        chart.getStyler().setDecimalPattern("#,##0.0");
        chart.getStyler().setPlotBorderVisible(false);
        return chart;
    }

    private static void save(CategoryChart chart, String name) throws IOException {
        BitmapEncoder.saveBitmapWithDPI(chart, IMAGES.resolve(name).toString(), BitmapFormat.PNG, DPI);
    }

    /** The rows of a CSV file, by the names in its first line. No value in these files has a comma. */
    private static List<Map<String, String>> rows(Path file) throws IOException {
        List<String[]> lines = Files.readAllLines(file).stream()
                .map(line -> line.split(",", -1))
                .toList();
        return lines.stream()
                .skip(1)
                .map(line -> {
                    Map<String, String> row = new LinkedHashMap<>();
                    for (int column = 0; column < Math.min(line.length, lines.get(0).length); column++) {
                        row.put(lines.get(0)[column], line[column]);
                    }
                    return row;
                })
                .toList();
    }
}

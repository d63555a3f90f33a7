package io.bianque.tests.qemu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A table of docs/kernels.md, with a column for each kernel. It stands between two marks.
 *
 * @param name also its first column's head
 * @param cells by the row's label and the kernel's series
 */
record Matrix(String name, SortedMap<String, SortedMap<String, String>> cells) {
  private static final Path PAGE = Path.of("../docs/kernels.md").toAbsolutePath().normalize();
  private static final List<String> SERIES =
      Arrays.stream(DebianKernel.values()).map(DebianKernel::series).toList();

  static Matrix empty(String name) {
    return new Matrix(name, new TreeMap<>());
  }

  /** The table as it stands on the page. */
  static Matrix committed(String name) {
    Matrix matrix = empty(name);
    matrix
        .section(page())
        .lines()
        .filter(line -> line.startsWith("| `"))
        .map(line -> line.split(" *\\| *", -1))
        .forEach(words -> {
          for (int i = 0; i < SERIES.size(); i++) {
            matrix.put(words[1], SERIES.get(i), words[i + 2]);
          }
        });
    return matrix;
  }

  void put(String row, String series, String cell) {
    cells.computeIfAbsent(row, _ -> new TreeMap<>()).put(series, cell.replace('|', '/'));
  }

  /** Puts all of the other one's cells over this one's. */
  void putAll(Matrix other) {
    other.cells.forEach(
        (row, columns) -> columns.forEach((series, cell) -> put(row, series, cell)));
  }

  /** Those cells of which the other one has one too. */
  Matrix only(Matrix other) {
    Matrix some = empty(name);
    other.cells.forEach((row, columns) ->
        columns.keySet().forEach(series -> some.put(row, series, cell(row, series))));
    return some;
  }

  /** Without what differs from run to run: how often it was seen. */
  Matrix comparable() {
    Matrix without = empty(name);
    cells.forEach((row, columns) ->
        columns.forEach((series, cell) ->
            without.put(row, series, cell.replaceFirst("^seen \\(\\d+\\)", "seen"))));
    return without;
  }

  /** Puts it where the committed one stands. */
  void write() {
    String page = page();
    String old = section(page);
    try {
      Files.writeString(PAGE, page.replace(begin() + old + end(), begin() + table() + end()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** As Markdown. */
  String table() {
    Stream<String> head = Stream.of(line(name, SERIES), line("---", List.of("---", "---", "---")));
    Stream<String> rows =
        cells.keySet().stream()
            .map(row -> line(row, SERIES.stream().map(series -> cell(row, series)).toList()));
    return Stream.concat(head, rows).collect(Collectors.joining("\n", "", "\n"));
  }

  private static String line(String label, List<String> words) {
    return "| " + label + " | " + String.join(" | ", words) + " |";
  }

  private String cell(String row, String series) {
    return cells.getOrDefault(row, new TreeMap<>()).getOrDefault(series, "");
  }

  private String section(String page) {
    return page.substring(page.indexOf(begin()) + begin().length(), page.indexOf(end()));
  }

  private String begin() {
    return "<!-- " + name + ": written by ./bianque test kernels --write -->\n";
  }

  private String end() {
    return "<!-- " + name + ": end -->\n";
  }

  private static String page() {
    try {
      return Files.readString(PAGE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

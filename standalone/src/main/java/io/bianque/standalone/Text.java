package io.bianque.standalone;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Tables and amounts for people. */
final class Text {

  private Text() {}

  /** {@code 3 h 12 min}, {@code 42 s}. */
  static String age(Instant since) {
    Duration age = Duration.between(since, Instant.now());
    if (age.toHours() > 0) {
      return age.toHours() + " h " + age.toMinutesPart() + " min";
    }
    return age.toMinutes() > 0
        ? age.toMinutes() + " min " + age.toSecondsPart() + " s"
        : age.toSeconds() + " s";
  }

  /** Mebibytes with unit; a dash for none. */
  static String memory(long bytes) {
    return bytes == 0 ? "-" : (bytes >> 20) + " MB";
  }

  /** Rows with their columns aligned, the first row being the heads. */
  static List<String> table(List<List<String>> rows) {
    int columns = rows.getFirst().size();
    int[] width = new int[columns];
    for (List<String> row : rows) {
      for (int column = 0; column < columns; column++) {
        width[column] = Math.max(width[column], row.get(column).length());
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int column = 0; column < columns; column++) {
        line.append(row.get(column));
        line.repeat(' ', width[column] - row.get(column).length() + 2);
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}

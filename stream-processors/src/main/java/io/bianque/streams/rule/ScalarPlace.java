package io.bianque.streams.rule;

import java.util.ArrayList;
import java.util.List;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/**
 * Where the characters of a YAML scalar stand in its file, so that a mistake in a condition is
 * shown where its writer sees it, whatever YAML's way of folding lines made of it.
 *
 * @param value the scalar's text
 * @param pieces the runs of characters that YAML took from single lines, in order
 */
record ScalarPlace(String value, List<Piece> pieces) {
  /**
   * A run of characters.
   *
   * @param offset of its first character in the value
   * @param line in the file, from 1
   * @param column in the file, from 1
   */
  record Piece(int offset, int line, int column) {}

  /** A place in the file; both from 1. */
  record Position(int line, int column) {}

  ScalarPlace {
    pieces = List.copyOf(pieces);
  }

  static ScalarPlace of(ScalarNode node, String file) {
    Mark start = node.getStartMark().orElseThrow();
    Mark end = node.getEndMark().orElseThrow();
    List<String> lines = file.lines().toList();
    String value = node.getValue();
    List<Piece> pieces = new ArrayList<>();
    int from = 0;
    int skip =
        switch (node.getScalarStyle()) {
          case SINGLE_QUOTED, DOUBLE_QUOTED -> 1;
          default -> 0;
        };
    // Each line's text is found again in the value; what YAML folds is only the white space between
    // them. An escape in
    // a quoted text is not found, and the place is then that of the piece before.
    for (int i = start.getLine(); i <= Math.min(end.getLine(), lines.size() - 1); i++) {
      String line = lines.get(i);
      int begin =
          i == start.getLine() ? Math.min(start.getColumn() + skip, line.length()) : indent(line);
      int stop =
          i == end.getLine() ? Math.min(end.getColumn() - skip, line.length()) : line.length();
      String piece = begin < stop ? line.substring(begin, stop).stripTrailing() : "";
      int found = piece.isEmpty() ? -1 : value.indexOf(piece, from);
      if (found >= 0) {
        pieces.add(new Piece(found, i + 1, begin + 1));
        from = found + piece.length();
      }
    }
    if (pieces.isEmpty()) {
      pieces.add(new Piece(0, start.getLine() + 1, start.getColumn() + 1 + skip));
    }
    return new ScalarPlace(value, pieces);
  }

  private static int indent(String line) {
    int i = 0;
    while (i < line.length() && line.charAt(i) == ' ') {
      i++;
    }
    return i;
  }

  /**
   * Where a character of the value stands in the file.
   *
   * @param line in the value, from 1
   * @param column in that line, from 0
   */
  Position position(int line, int column) {
    int offset = column;
    int begin = 0;
    for (int i = 1; i < line; i++) {
      begin = value.indexOf('\n', begin) + 1;
    }
    offset += begin;
    Piece piece = pieces.getFirst();
    for (Piece candidate : pieces) {
      if (candidate.offset() <= offset) {
        piece = candidate;
      }
    }
    return new Position(piece.line(), piece.column() + Math.max(0, offset - piece.offset()));
  }
}

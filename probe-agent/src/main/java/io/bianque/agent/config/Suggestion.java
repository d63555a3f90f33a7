package io.bianque.agent.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** The known word that is nearest to a mistyped one. */
final class Suggestion {
  private Suggestion() {}

  /** Empty when nothing known is near: half of the word's letters wrong is not a typing mistake. */
  static Optional<String> of(String word, Collection<String> known) {
    return known.stream()
        .min(
            Comparator.comparingInt((String each) -> distance(word, each))
                .thenComparing(each -> each))
        .filter(nearest ->
            nearest.startsWith(word) || distance(word, nearest) <= Math.max(2, word.length() / 3));
  }

  /** Levenshtein's distance. */
  private static int distance(String a, String b) {
    int[] previous = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      previous[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        row[j] = Math.min(Math.min(row[j - 1], previous[j]) + 1, previous[j - 1] + change);
      }
      previous = row;
    }
    return previous[b.length()];
  }
}

package io.bianque.streams.rule;

import io.bianque.schemas.wire.EncodedTexts;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Rules by what they {@link Demand} of one field. A set of rules is a bit for each. It may name a
 * rule that does not hold, but leaves out none that holds or has no answer.
 */
sealed interface Index {
  /** Adds the rules whose demand the field's value meets. */
  void find(Object value, long[] found);

  /** By the text or number that the field is. */
  final class Values implements Index {
    private final Map<Object, long[]> rules = new HashMap<>();
    private final int words;

    Values(int words) {
      this.words = words;
    }

    void add(Demand.Value demand, int rule) {
      for (Object constant : demand.constants()) {
        set(rules.computeIfAbsent(constant, key -> new long[words]), rule);
      }
    }

    @Override
    public void find(Object value, long[] found) {
      Object key =
          switch (value) {
            case null -> null;
            case Integer number -> number.longValue();
            case CharSequence text -> text.toString();
            default -> value;
          };
      Index.add(rules.get(key), found);
    }
  }

  /** By what is an element of the list. */
  final class Members implements Index {
    private final Map<String, long[]> rules = new HashMap<>();
    private final int words;

    Members(int words) {
      this.words = words;
    }

    void add(Demand.Member demand, int rule) {
      set(rules.computeIfAbsent(demand.constant(), key -> new long[words]), rule);
    }

    @Override
    public void find(Object value, long[] found) {
      if (value instanceof List<?> list) {
        for (int i = 0; i < list.size(); i++) {
          Index.add(rules.get(list.get(i)), found);
        }
      }
    }
  }

  /**
   * By what the list's elements start with: a trie, that leaves most elements at their first
   * letters.
   */
  final class Prefixes implements Index {
    private static final class Node {
      private char first;
      private Node[] next = {};
      private long[] rules;

      Node next(char letter) {
        int at = letter - first;
        return at >= 0 && at < next.length ? next[at] : null;
      }

      Node grow(char letter) {
        Node found = next(letter);
        if (found != null) {
          return found;
        }
        char begin = next.length == 0 ? letter : (char) Math.min(first, letter);
        int end = next.length == 0 ? letter : Math.max(first + next.length - 1, letter);
        Node[] wider = new Node[end - begin + 1];
        System.arraycopy(next, 0, wider, next.length == 0 ? 0 : first - begin, next.length);
        first = begin;
        next = wider;
        next[letter - begin] = new Node();
        return next[letter - begin];
      }
    }

    private final Node root = new Node();
    private final long[] all;

    /** Rules that a list of fewer elements says nothing of, by that number. */
    private final Map<Integer, long[]> byLeast = new TreeMap<>();

    private int most;

    Prefixes(int words) {
      this.all = new long[words];
    }

    void add(Demand.Prefix demand, int rule) {
      set(all, rule);
      set(byLeast.computeIfAbsent(demand.least(), least -> new long[all.length]), rule);
      most = Math.max(most, demand.least());
      for (String prefix : demand.prefixes()) {
        Node node = root;
        for (int i = 0; i < prefix.length(); i++) {
          node = node.grow(prefix.charAt(i));
        }
        if (node.rules == null) {
          node.rules = new long[all.length];
        }
        set(node.rules, rule);
      }
    }

    @Override
    public void find(Object value, long[] found) {
      switch (value) {
        // The frames of one stack are one object: to walk them for each event took 1 of 17 µs.
        case EncodedTexts texts -> Index.add(texts.derived(this, this::allIn), found);
        case List<?> list -> findIn(list, found);
        case null, default -> findIn(List.of(), found);
      }
    }

    private long[] allIn(List<?> list) {
      long[] found = new long[all.length];
      findIn(list, found);
      return found;
    }

    private void findIn(List<?> list, long[] found) {
      if (list.size() < most) {
        byLeast.forEach((least, rules) -> Index.add(list.size() < least ? rules : null, found));
      }
      for (int i = 0; i < list.size(); i++) {
        if (list.get(i) instanceof String text) {
          find(text, found);
        } else {
          Index.add(all, found); // what is no text has no answer
        }
      }
    }

    private void find(String text, long[] found) {
      Node node = root;
      for (int i = 0; node != null; i++) {
        if (node.rules != null) {
          Index.add(node.rules, found);
        }
        node = i < text.length() ? node.next(text.charAt(i)) : null;
      }
    }
  }

  static void set(long[] rules, int rule) {
    rules[rule / 64] |= 1L << rule;
  }

  private static void add(long[] rules, long[] found) {
    if (rules != null) {
      for (int i = 0; i < found.length; i++) {
        found[i] |= rules[i];
      }
    }
  }
}

package io.bianque.streams.network;

import io.bianque.streams.names.IpAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;

/**
 * The table of networks: of all that an address lies in, the one with the longest prefix.
 * Immutable.
 *
 * <p>Two networks are nested or apart, so the table can be laid out flat: the addresses at which
 * another network begins to be the innermost, in order, for a binary search.
 */
public final class Networks {
  private static final Networks NONE = new Networks(List.of());

  private final Ranges ipv4;
  private final Ranges ipv6;
  private final int size;

  private Networks(List<Block> blocks) {
    this.ipv4 = Ranges.of(blocks.stream().filter(Block::ipv4).toList());
    this.ipv6 = Ranges.of(blocks.stream().filter(block -> !block.ipv4()).toList());
    this.size = blocks.size();
  }

  public static Networks none() {
    return NONE;
  }

  /**
   * Reads a file.
   *
   * @throws InvalidNetworks with everything that is wrong with it
   */
  public static Networks read(Path file) {
    try {
      return parse(file.toString(), Files.readString(file));
    } catch (IOException e) {
      throw new InvalidNetworks(List.of(file + ": cannot be read: " + e));
    }
  }

  static Networks parse(String name, String text) {
    return new Networks(NetworksFile.parse(name, text));
  }

  /** The innermost network that the address lies in, or null. */
  public Network find(IpAddress address) {
    return (address.isIpv4() ? ipv4 : ipv6).find(address.high(), address.low());
  }

  public int size() {
    return size;
  }

  /**
   * A network by its bits, which stand as in {@link IpAddress#high} and {@link IpAddress#low}.
   *
   * @param high of its first address
   * @param low of its first address
   * @param prefix bits that all its addresses share
   */
  record Block(boolean ipv4, long high, long low, int prefix, Network network) {
    static long highMask(int prefix) {
      return prefix >= 64 ? -1L : prefix == 0 ? 0 : -1L << (64 - prefix);
    }

    static long lowMask(int prefix) {
      return prefix <= 64 ? 0 : -1L << (128 - prefix);
    }

    long lastHigh() {
      return high | ~highMask(prefix);
    }

    long lastLow() {
      return low | ~lowMask(prefix);
    }

    boolean contains(Block other) {
      return other.prefix >= prefix
          && (other.high & highMask(prefix)) == high
          && (other.low & lowMask(prefix)) == low;
    }
  }

  /** Where each range begins, and the network in it, which may be none: null. */
  private static final class Ranges {
    private final long[] high;
    private final long[] low;
    private final Network[] networks;
    private int size;

    private Ranges(int most) {
      this.high = new long[most];
      this.low = new long[most];
      this.networks = new Network[most];
    }

    static Ranges of(List<Block> blocks) {
      List<Block> sorted =
          blocks.stream()
              .sorted(
                  Comparator.<Block>comparingLong(block -> unsigned(block.high()))
                      .thenComparingLong(block -> unsigned(block.low()))
                      .thenComparingInt(Block::prefix))
              .toList();
      Ranges ranges = new Ranges(2 * sorted.size());
      Deque<Block> around = new ArrayDeque<>();
      for (Block block : sorted) {
        while (!around.isEmpty() && !around.peek().contains(block)) {
          ranges.endOf(around.pop(), around.peek());
        }
        ranges.begin(block.high(), block.low(), block.network());
        around.push(block);
      }
      while (!around.isEmpty()) {
        ranges.endOf(around.pop(), around.peek());
      }
      return ranges;
    }

    /** A number that is ordered as the unsigned one is. */
    private static long unsigned(long bits) {
      return bits ^ Long.MIN_VALUE;
    }

    private void endOf(Block block, Block outer) {
      long nextLow = block.lastLow() + 1;
      long nextHigh = nextLow == 0 ? block.lastHigh() + 1 : block.lastHigh();
      if (nextLow != 0 || nextHigh != 0) { // else it reaches to the last address of all
        begin(nextHigh, nextLow, outer == null ? null : outer.network());
      }
    }

    /** What begins at the same address later is further in, or follows what has just ended. */
    private void begin(long atHigh, long atLow, Network network) {
      if (size > 0 && high[size - 1] == atHigh && low[size - 1] == atLow) {
        size--;
      }
      high[size] = atHigh;
      low[size] = atLow;
      networks[size] = network;
      size++;
    }

    Network find(long ofHigh, long ofLow) {
      int from = 0;
      int to = size - 1;
      while (from <= to) {
        int middle = (from + to) >>> 1;
        int order = Long.compareUnsigned(high[middle], ofHigh);
        if (order == 0) {
          order = Long.compareUnsigned(low[middle], ofLow);
        }
        if (order <= 0) {
          from = middle + 1;
        } else {
          to = middle - 1;
        }
      }
      return to < 0 ? null : networks[to];
    }
  }
}

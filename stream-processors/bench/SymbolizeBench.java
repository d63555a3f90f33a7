import com.sun.management.OperatingSystemMXBean;
import io.bianque.facts.HostFacts;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.streams.facts.Host;
import io.bianque.streams.symbol.Stack;
import io.bianque.streams.symbol.SymbolTables;
import io.bianque.streams.symbol.Symbolizer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.PrimitivesArrays;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/**
 * Gives stacks their names as the stream tier does, in one thread and under its flags, with the symbols of the kernel that runs
 * here: stacks that never came before, then stacks of which some come often, from two hosts of that build with another {@code
 * _text} each. Beside it the limit: no more than a look into a hash map for each frame. Time is the whole process's CPU time, so
 * that a collection counts and what else the machine does hardly. Argument: rounds (7).
 *
 * <p>Addresses are any in any function, so that nearly none comes twice among the new stacks: real ones share most of their frames,
 * and are cheaper.
 */
final class SymbolizeBench {
  private static final Path KALLSYMS = Path.of("/proc/kallsyms");
  private static final String BUILD = "5f3e9c0a7b1d24680f9e8d7c6b5a493827160504";
  private static final Schema ADDRESSES = Schema.createArray(Schema.create(Schema.Type.LONG));
  private static final int MACHINE = 3;
  private static final int DISTINCT = 3_000;
  private static final int NEW_A_ROUND = 15_000;
  private static final int KNOWN_A_ROUND = 400_000;
  private static final double GOAL_NEW = 1e6;
  private static final double GOAL_KNOWN = 10e6;

  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /** The kernel's text, as /proc/kallsyms tells. */
  private record Kernel(long text, long end, List<Symbol> symbols) {
    static Kernel read() throws IOException {
      long text = 0;
      long end = 0;
      List<Symbol> symbols = new ArrayList<>();
      try (Stream<String> lines = Files.lines(KALLSYMS)) {
        for (String line : (Iterable<String>) lines::iterator) {
          String[] parts = line.split("\\s+", -1);
          long address = Long.parseUnsignedLong(parts[0], 16);
          if (parts.length == 3 && "tTwW".contains(parts[1])) {
            text = parts[2].equals("_text") ? address : text;
            end = parts[2].equals("_etext") ? address : end;
            symbols.add(new Symbol(address, parts[2]));
          }
        }
      }
      long from = text;
      long to = end;
      return new Kernel(
          text,
          end,
          symbols.stream()
              .filter(s -> Long.compareUnsigned(s.getOffset(), from) >= 0)
              .filter(s -> Long.compareUnsigned(s.getOffset(), to) < 0)
              .map(s -> new Symbol(s.getOffset() - from, s.getName()))
              .toList());
    }
  }

  private final Kernel kernel;
  private final Symbolizer symbolizer;
  private final Random random = new Random(7);
  private final Symbolizer.Unresolved unresolved =
      new Symbolizer.Unresolved() {
        @Override
        public void noTable(String object, String buildId, String reason) {
          throw new IllegalStateException(object + ": " + reason);
        }

        @Override
        public void never(String reason) {
          throw new IllegalStateException(reason);
        }
      };
  private long sum;

  private SymbolizeBench(Kernel kernel) {
    this.kernel = kernel;
    AvroWriter<SymbolChunk> writer = AvroWriter.specific(1, SymbolChunk.class);
    byte[] chunk = writer.write(new SymbolChunk(BUILD, "vmlinux", 0, true, kernel.symbols(), null));
    this.symbolizer =
        new Symbolizer(
            new SymbolTables(id -> SymbolChunk.getClassSchema(), 32 << 20),
            new Chunks(Map.of(BUILD + "/vmlinux/0", chunk)));
  }

  private Host host(long text) {
    return new Host(
        HostFacts.newBuilder()
            .setHostId("bench")
            .setBootId(Long.toHexString(text))
            .setObservedAt(Instant.EPOCH)
            .setHostName("bench")
            .setMachine("x86_64")
            .setKernelRelease("6")
            .setKernelBuildId(BUILD)
            .setTextAddress(text)
            .setTextSize(kernel.end() - kernel.text())
            .setModules(List.of())
            .setClockOffsetNs(0)
            .setEnums(List.of())
            .setAgentVersion("bench")
            .build());
  }

  /** As Avro reads it out of an event. */
  private List<Long> stack(long text) {
    int depth = 8 + random.nextInt(23);
    PrimitivesArrays.LongArray stack = new PrimitivesArrays.LongArray(depth, ADDRESSES);
    for (int i = 0; i < depth; i++) {
      Symbol symbol = kernel.symbols().get(random.nextInt(kernel.symbols().size()));
      long offset = symbol.getOffset() + 1 + random.nextInt(200);
      stack.add(i, text + Math.min(offset, kernel.end() - kernel.text() - 1));
    }
    return stack;
  }

  private static List<Long> moved(List<Long> stack, long by) {
    return new PrimitivesArrays.LongArray(
        ADDRESSES, stack.stream().map(address -> address + by).toList());
  }

  private interface Look {
    int at(Host host, List<Long> stack);
  }

  private int named(Host host, List<Long> stack) {
    Stack named = symbolizer.stack(host, stack, unresolved);
    if (named.hash() == null) {
      throw new IllegalStateException("a frame of " + stack + " is unresolved");
    }
    return named.frames().size();
  }

  /** Frames a second of CPU time. */
  private double rate(Host[] hosts, List<List<List<Long>>> stacks, int[] order, Look look) {
    long frames = 0;
    long begin = PROCESS.getProcessCpuTime();
    for (int i = 0; i < order.length; i++) {
      int host = i & (hosts.length - 1);
      frames += look.at(hosts[host], stacks.get(host).get(order[i]));
    }
    double seconds = (PROCESS.getProcessCpuTime() - begin) / 1e9;
    sum += frames;
    return frames / seconds;
  }

  /** By Zipf's law, exponent 1. */
  private int[] zipf() {
    double[] upTo = new double[DISTINCT];
    double all = 0;
    for (int i = 0; i < DISTINCT; i++) {
      upTo[i] = all += 1.0 / (i + 1);
    }
    int[] order = new int[KNOWN_A_ROUND];
    for (int i = 0; i < order.length; i++) {
      int at = Arrays.binarySearch(upTo, random.nextDouble() * all);
      order[i] = Math.min(at < 0 ? -at - 1 : at, DISTINCT - 1);
    }
    return order;
  }

  private void run(int rounds) {
    long moved = 0x1a00000;
    Host[] hosts = {host(kernel.text()), host(kernel.text() + moved)};
    List<List<Long>> known = Stream.generate(() -> stack(kernel.text())).limit(DISTINCT).toList();
    List<List<List<Long>>> ofBoth =
        List.of(known, known.stream().map(stack -> moved(stack, moved)).toList());
    Map<Long, String> texts = new HashMap<>();
    ofBoth.forEach(stacks -> stacks.forEach(s -> s.forEach(a -> texts.put(a, Long.toHexString(a)))));
    Look limit =
        (host, stack) -> {
          int found = 0;
          for (int i = 0; i < stack.size(); i++) {
            sum += texts.get(stack.get(i)).length();
            found++;
          }
          return found;
        };
    int[] inOrder = IntStream.range(0, NEW_A_ROUND).toArray();
    double[] fresh = new double[rounds];
    double[] memoized = new double[rounds];
    double[] bare = new double[rounds];
    int[] order = zipf();
    // What came before has come often: as in a process that runs for long, frequent stacks stay whatever passes by.
    for (int i = 0; i < 3; i++) {
      rate(hosts, ofBoth, order, this::named);
      rate(hosts, ofBoth, order, limit);
    }
    for (int round = -2; round < rounds; round++) {
      List<List<Long>> news = Stream.generate(() -> stack(kernel.text())).limit(NEW_A_ROUND).toList();
      double a = rate(new Host[] {hosts[0]}, List.of(news), inOrder, this::named);
      rate(hosts, ofBoth, order, this::named);
      double b = rate(hosts, ofBoth, order, this::named);
      double c = rate(hosts, ofBoth, order, limit);
      if (round >= 0) {
        fresh[round] = a;
        memoized[round] = b;
        bare[round] = c;
      }
    }
    report(rounds, median(fresh), median(memoized), median(bare));
  }

  private void report(int rounds, double fresh, double memoized, double bare) {
    System.out.printf(
        Locale.ROOT,
        "%,d symbols, stacks of 8 to 30 frames, %,d distinct ones by Zipf's law on two hosts, %d rounds, one core (sum %d)%n",
        kernel.symbols().size(),
        DISTINCT,
        rounds,
        sum);
    line("stacks that are new", fresh, GOAL_NEW);
    line("stacks that came before", memoized, GOAL_KNOWN);
    line("a hash map for each frame", bare, Double.NaN);
    System.out.printf(
        Locale.ROOT,
        "{\"bench\":\"symbolize\",\"ratio\":%.3f,\"goal\":1.0,\"new_frames_per_s\":%.0f,\"known_frames_per_s\":%.0f,\"hash_map_frames_per_s\":%.0f}%n",
        Math.min(fresh / GOAL_NEW, memoized / GOAL_KNOWN),
        fresh,
        memoized,
        bare);
  }

  private static void line(String what, double rate, double goal) {
    System.out.printf(
        Locale.ROOT,
        "%-27s %,12.0f frames/s %8.1f ns a frame%s%n",
        what,
        rate,
        1e9 / rate,
        Double.isNaN(goal) ? "" : String.format(Locale.ROOT, "   goal %,.0f frames/s", goal));
  }

  private static double median(double[] of) {
    double[] sorted = of.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  public static void main(String[] arguments) throws IOException {
    Kernel kernel = Kernel.read();
    if (kernel.text() == 0 || kernel.end() == 0) {
      System.err.println(
          "skipped: " + KALLSYMS + " hides its addresses from this user: run it as root, with kernel.kptr_restrict 0 or 1");
      System.exit(MACHINE);
    }
    new SymbolizeBench(kernel).run(arguments.length > 0 ? Integer.parseInt(arguments[0]) : 7);
  }

  /** Chunks that are all there. */
  private record Chunks(Map<String, byte[]> chunks) implements ReadOnlyKeyValueStore<String, byte[]> {
    @Override
    public byte[] get(String key) {
      return chunks.get(key);
    }

    @Override
    public KeyValueIterator<String, byte[]> range(String from, String to) {
      throw new UnsupportedOperationException();
    }

    @Override
    public KeyValueIterator<String, byte[]> all() {
      throw new UnsupportedOperationException();
    }

    @Override
    public long approximateNumEntries() {
      return chunks.size();
    }
  }
}

package io.bianque.streams.symbol;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import io.bianque.schemas.registry.WriterSchemas;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.streams.schema.SchemaPending;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/**
 * The symbol tables of the fleet: put together from their chunks when they are first asked for, and
 * kept as long as there is room. Thread-safe.
 */
public final class SymbolTables {
  /** What there is for a build id. */
  public sealed interface Lookup {
    /**
     * All of it.
     *
     * @param file name of the file that it is of; null of the kernel and its modules
     */
    record Found(SymbolTable table, String file) implements Lookup {}

    /** No whole table, and why. */
    record Absent(String reason) implements Lookup {}
  }

  private record Cached(Lookup lookup, long version) {}

  /**
   * One in so many bytes is for whole stacks: of the 32 MiB that there are by default room for some
   * 4,000, and for the tables of eight kernels.
   */
  private static final int STACKS_SHARE = 4;

  private final WriterSchemas schemas;
  private final Cache<String, Cached> cache;
  private final StackMemo stacks;
  private final AtomicLong version = new AtomicLong();

  /** Held while something is forgotten, or kept that a change would make wrong. */
  private final Object changes = new Object();

  /**
   * @param schemas of the chunks
   * @param maxBytes heap that the tables, and the stacks that were resolved with them, may take
   */
  public SymbolTables(WriterSchemas schemas, long maxBytes) {
    this.schemas = schemas;
    this.cache =
        Caffeine.newBuilder()
            .maximumWeight(maxBytes - maxBytes / STACKS_SHARE)
            .weigher((String key, Cached cached) -> weight(cached.lookup()))
            .executor(Runnable::run)
            .build();
    this.stacks = new StackMemo(maxBytes / STACKS_SHARE);
  }

  private static int weight(Lookup lookup) {
    return lookup instanceof Lookup.Found found ? found.table().weight() : 200;
  }

  /**
   * To be called after a chunk has changed: what was known of its table, or of its absence, and the
   * stacks that were resolved with it, are forgotten.
   *
   * @param chunkKey {@code <build id>/<object>/<number>}
   */
  public void changed(String chunkKey) {
    synchronized (changes) {
      int end = chunkKey.lastIndexOf('/');
      int slash = chunkKey.indexOf('/');
      if (end > slash) {
        cache.invalidate(chunkKey.substring(0, end));
        stacks.forget(chunkKey.substring(0, slash), chunkKey.substring(slash + 1, end));
      }
      // Last: whoever has seen the new version finds nothing of the old one.
      version.incrementAndGet();
    }
  }

  /**
   * The table of an object.
   *
   * @param chunks all chunks, keyed {@code <build id>/<object>/<number>}
   * @param object {@code vmlinux}, {@code vmlinux.init}, the module's name, or {@code user}
   */
  public Lookup table(ReadOnlyKeyValueStore<String, byte[]> chunks, String buildId, String object) {
    String key = buildId + "/" + object;
    Cached cached = cache.getIfPresent(key);
    long now = version.get();
    if (cached != null && (cached.lookup() instanceof Lookup.Found || cached.version() == now)) {
      return cached.lookup();
    }
    try {
      Lookup lookup = load(chunks, key);
      synchronized (changes) {
        // If a chunk came meanwhile, the table may be half of the one, half of the other.
        if (version.get() == now) {
          cache.put(key, new Cached(lookup, now));
        }
      }
      return lookup;
    } catch (SchemaPending pending) {
      // Not remembered: the schema's arrival changes no chunk.
      return new Lookup.Absent(pending.getMessage());
    }
  }

  private Lookup load(ReadOnlyKeyValueStore<String, byte[]> chunks, String key) {
    AvroReader<SymbolChunk> reader = AvroReader.specific(schemas, SymbolChunk.class);
    List<SymbolTable.Entry> entries = new ArrayList<>();
    for (int i = 0; ; i++) {
      byte[] value = chunks.get(key + "/" + i);
      if (value == null) {
        return new Lookup.Absent(
            i == 0 ? "no host has published its table" : "chunk " + i + " of its table is missing");
      }
      SymbolChunk chunk;
      try {
        chunk = reader.read(value);
      } catch (UnreadableRecord e) {
        return new Lookup.Absent("chunk " + i + " of its table cannot be read: " + e.getMessage());
      }
      for (Symbol symbol : chunk.getSymbols()) {
        entries.add(new SymbolTable.Entry(symbol.getOffset(), symbol.getName()));
      }
      if (chunk.getLast()) {
        return new Lookup.Found(SymbolTable.of(entries), chunk.getFile());
      }
    }
  }

  /** Stands for all that the chunks say now: it is another number after any of them has changed. */
  long version() {
    return version.get();
  }

  /** The stack of that key as it was resolved before, or null. */
  Stack known(StackKey key) {
    return stacks.find(key);
  }

  /**
   * Remembers a stack without an unresolved frame, unless a chunk has changed since.
   *
   * @param asOf the version before its first frame was looked up
   */
  void remember(StackKey key, Stack stack, long asOf) {
    synchronized (changes) {
      if (version.get() == asOf) {
        stacks.keep(key, stack);
      }
    }
  }

  /** Tables in memory. */
  public long cached() {
    return cache.asMap().values().stream().filter(c -> c.lookup() instanceof Lookup.Found).count();
  }
}

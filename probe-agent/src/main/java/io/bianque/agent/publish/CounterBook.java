package io.bianque.agent.publish;

import io.bianque.facts.ProbeCounters;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.WireFormat;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.util.ClassSecurityValidator;
import org.apache.avro.util.ClassSecurityValidator.ClassSecurityPredicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The counters of every life that is not over: a life of an earlier run goes on being counted until
 * its last event has left the spool, because the ledger adds up by life. Kept in a file, so that it
 * can. Any thread, one at a time.
 */
public final class CounterBook {
  private static final Logger LOG = LoggerFactory.getLogger(CounterBook.class);

  // Since Avro 1.12.2 a class that a schema names must be trusted before it is made: ours are.
  static {
    ClassSecurityPredicate others = ClassSecurityValidator.getGlobal();
    String facts = ProbeCounters.class.getPackageName();
    ClassSecurityValidator.setGlobal(
        ClassSecurityValidator.composite(others, type -> type.getPackageName().equals(facts)));
  }

  private final AvroWriter<ProbeCounters> writer = AvroWriter.specific(0, ProbeCounters.class);
  private final Path file;
  private final Supplier<List<ProbeCounters>> probes;
  private final Map<Life, ProbeCounters> earlier;

  /**
   * @param file where the book is kept
   * @param probes the kernel's side of the counters of all probes of this run; what follows {@code
   *     encode_failed} is filled in here
   */
  public CounterBook(Path file, Supplier<List<ProbeCounters>> probes) {
    this.file = file;
    this.probes = probes;
    this.earlier = read();
  }

  /** Counts of lives of earlier runs, for their events in the spool. */
  void restore(Function<Life, Counts> counts) {
    earlier.forEach((life, last) ->
        counts
            .apply(life)
            .restore(
                last.getRead() - last.getEncodeFailed(), last.getAcked(), last.getSpoolDropped()));
  }

  /** All counters of this moment, written to the book as well. */
  synchronized List<ProbeCounters> count(Function<Life, Counts> counts) {
    List<ProbeCounters> all = new ArrayList<>(present(counts));
    Set<Life> present = new HashSet<>();
    all.forEach(each -> present.add(life(each)));
    for (ProbeCounters last : List.copyOf(earlier.values())) {
      if (present.contains(life(last))) {
        continue;
      }
      Counts.Snapshot snapshot = counts.apply(life(last)).snapshot();
      if (snapshot.spooled() == 0
          && last.getSpooled() == 0
          && last.getAcked() == snapshot.acked()) {
        // Its final counts were said the last time.
        earlier.remove(life(last));
        continue;
      }
      fill(last, snapshot);
      all.add(last);
    }
    all.forEach(each -> earlier.put(life(each), each));
    write(all);
    return all;
  }

  /** Counters of this moment of the lives of this run. Any thread. */
  public List<ProbeCounters> present(Function<Life, Counts> counts) {
    List<ProbeCounters> present = probes.get();
    present.forEach(each -> fill(each, counts.apply(life(each)).snapshot()));
    return present;
  }

  private static void fill(ProbeCounters counters, Counts.Snapshot snapshot) {
    // Events read after the kernel's side was taken are not in its figure: taken from here, it
    // balances.
    counters.setRead(snapshot.offered() + counters.getEncodeFailed());
    counters.setAcked(snapshot.acked());
    counters.setSpooled(snapshot.spooled());
    counters.setSpoolDropped(snapshot.dropped());
    counters.setInFlight(snapshot.inFlight());
  }

  private static Life life(ProbeCounters counters) {
    return new Life(counters.getProbe(), counters.getBootId(), counters.getEpoch());
  }

  private Map<Life, ProbeCounters> read() {
    Map<Life, ProbeCounters> read = new HashMap<>();
    if (!Files.exists(file)) {
      return read;
    }
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      Schema written = new Schema.Parser().parse(in.readUTF());
      var reader = new SpecificDatumReader<ProbeCounters>(written, ProbeCounters.getClassSchema());
      for (int left = in.readInt(); left > 0; left--) {
        byte[] body = in.readNBytes(in.readInt());
        ProbeCounters each = reader.read(null, DecoderFactory.get().binaryDecoder(body, null));
        read.put(life(each), each);
      }
    } catch (IOException | RuntimeException e) {
      LOG.warn(
          "{} is ignored: counts of earlier runs end with what they last published: {}",
          file,
          e.toString());
    }
    return read;
  }

  private void write(List<ProbeCounters> all) {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try {
      writeTo(fresh, all);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      LOG.warn("counts are not kept for the next run: {}", e.toString());
    }
  }

  /**
   * The schema, then each record behind its length: Avro's own container would load its compressors
   * for it.
   */
  private void writeTo(Path fresh, List<ProbeCounters> all) throws IOException {
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(fresh), 4096))) {
      out.writeUTF(ProbeCounters.getClassSchema().toString());
      out.writeInt(all.size());
      for (ProbeCounters each : all) {
        byte[] framed = writer.write(each);
        out.writeInt(framed.length - WireFormat.HEADER);
        out.write(framed, WireFormat.HEADER, framed.length - WireFormat.HEADER);
      }
    }
  }
}

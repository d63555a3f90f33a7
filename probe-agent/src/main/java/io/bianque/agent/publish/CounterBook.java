package io.bianque.agent.publish;

import io.bianque.agent.probe.ProbeReport;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.ProbeState;
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
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
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
  private boolean saidUnwritable;
  private final Map<Life, ProbeCounters> lives = new HashMap<>();
  private final Function<ProbeReport, ProbeCounters> row;

  /** Last reports of lives that have ended since the last look at all. */
  private final Queue<ProbeCounters> ended = new ConcurrentLinkedQueue<>();

  /** What was last handed out to be published. */
  private final Map<Life, Said> said = new HashMap<>();

  /**
   * Counters of a life of this run.
   *
   * @param events the same snapshot as in the counters, with the reasons of what was given up
   */
  public record Row(ProbeCounters counters, Counts.Snapshot events) {}

  /** What two counts of a life that is over differ in, if they do. */
  private record Said(
      ProbeState state, long read, long acked, long spooled, long spoolDropped, long inFlight) {
    static Said of(ProbeCounters counters) {
      return new Said(
          counters.getState(),
          counters.getRead(),
          counters.getAcked(),
          counters.getSpooled(),
          counters.getSpoolDropped(),
          counters.getInFlight());
    }
  }

  /**
   * @param file where the book is kept
   * @param probes the kernel's side of the counters of all probes of this run; what follows {@code
   *     encode_failed} is filled in here
   * @param row the same of one report
   */
  public CounterBook(
      Path file, Supplier<List<ProbeCounters>> probes, Function<ProbeReport, ProbeCounters> row) {
    this.file = file;
    this.probes = probes;
    this.row = row;
    read();
  }

  /** Counts of lives of earlier runs, for their events in the spool. */
  void restore(Function<Life, Counts> counts) {
    lives.forEach((life, last) ->
        counts
            .apply(life)
            .restore(
                last.getRead() - last.getEncodeFailed(), last.getAcked(), last.getSpoolDropped()));
  }

  /**
   * All counters of this moment, to be published, lives of earlier runs first: who reads them
   * learns of each life before the one that followed it. Written to the book as well.
   */
  synchronized List<ProbeCounters> count(Function<Life, Counts> counts) {
    List<ProbeCounters> all = new ArrayList<>();
    List<Row> present = fillAll(counts);
    List<Life> over = new ArrayList<>();
    for (Map.Entry<Life, ProbeCounters> earlier : earlierThan(present)) {
      Life life = earlier.getKey();
      if (counts.apply(life).isAtRest() && Said.of(earlier.getValue()).equals(said.get(life))) {
        over.add(life);
      } else {
        all.add(earlier.getValue());
      }
    }
    over.forEach(life -> {
      lives.remove(life);
      said.remove(life);
    });
    present.forEach(row -> all.add(row.counters()));
    all.forEach(each -> said.put(life(each), Said.of(each)));
    write();
    return all;
  }

  /** Writes the counters of this moment to the book, and no more. */
  synchronized void keep(Function<Life, Counts> counts) {
    var _ = fillAll(counts);
    write();
  }

  /** What was counted has not reached the broker, or nobody knows: it is said again. */
  synchronized void notHeard() {
    said.clear();
  }

  /** Counters of this moment of the lives of this run. Any thread. */
  public List<Row> present(Function<Life, Counts> counts) {
    return probes.get().stream()
        .map(each -> {
          Counts.Snapshot events = counts.apply(life(each)).snapshot();
          fill(each, events);
          return new Row(each, events);
        })
        .toList();
  }

  /** Takes the last report of a life: another of the same probe may follow at once. */
  void ended(ProbeReport last) {
    ended.add(row.apply(last));
  }

  /** Every life with the counts of this moment; those of this run are returned. */
  private List<Row> fillAll(Function<Life, Counts> counts) {
    for (ProbeCounters last = ended.poll(); last != null; last = ended.poll()) {
      lives.put(life(last), last);
    }
    List<Row> present = present(counts);
    present.forEach(row -> lives.put(life(row.counters()), row.counters()));
    earlierThan(present)
        .forEach(each -> fill(each.getValue(), counts.apply(each.getKey()).snapshot()));
    return present;
  }

  private List<Map.Entry<Life, ProbeCounters>> earlierThan(List<Row> present) {
    Set<Life> now = present.stream().map(row -> life(row.counters())).collect(Collectors.toSet());
    return lives.entrySet().stream()
        .filter(each -> !now.contains(each.getKey()))
        .sorted(Comparator.comparingLong(each -> each.getKey().epoch()))
        .toList();
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

  private void read() {
    if (!Files.exists(file)) {
      return;
    }
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      Schema written = new Schema.Parser().parse(in.readUTF());
      var reader = new SpecificDatumReader<ProbeCounters>(written, ProbeCounters.getClassSchema());
      for (int left = in.readInt(); left > 0; left--) {
        boolean heard = in.readBoolean();
        byte[] body = in.readNBytes(in.readInt());
        ProbeCounters each = reader.read(null, DecoderFactory.get().binaryDecoder(body, null));
        lives.put(life(each), each);
        if (heard) {
          said.put(life(each), Said.of(each));
        }
      }
    } catch (IOException | RuntimeException e) {
      LOG.warn(
          "{} is ignored: counts of earlier runs end with what they last published: {}",
          file,
          e.toString());
    }
  }

  private void write() {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try {
      writeTo(fresh);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      saidUnwritable = false;
    } catch (IOException e) {
      if (!saidUnwritable) {
        LOG.warn("counts are not kept for the next run: {}", e.toString());
        saidUnwritable = true;
      }
    }
  }

  /**
   * The schema, then each record behind its length: Avro's own container would load its compressors
   * for it.
   */
  private void writeTo(Path fresh) throws IOException {
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(fresh), 4096))) {
      out.writeUTF(ProbeCounters.getClassSchema().toString());
      out.writeInt(lives.size());
      for (Map.Entry<Life, ProbeCounters> each : lives.entrySet()) {
        out.writeBoolean(Said.of(each.getValue()).equals(said.get(each.getKey())));
        byte[] framed = writer.write(each.getValue());
        out.writeInt(framed.length - WireFormat.HEADER);
        out.write(framed, WireFormat.HEADER, framed.length - WireFormat.HEADER);
      }
    }
  }
}

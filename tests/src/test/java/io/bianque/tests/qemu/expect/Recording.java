package io.bianque.tests.qemu.expect;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/**
 * A guest's recording, read by Avro alone, and the guest's own kallsyms to give its addresses
 * names: nothing of the product is asked what the product has written.
 */
public final class Recording {
  private final Map<String, List<GenericRecord>> topics;
  private final TreeMap<Long, String> functions = new TreeMap<>(Long::compareUnsigned);

  public Recording(Path recording, Path kallsyms) {
    try (DataFileReader<GenericRecord> records =
            new DataFileReader<>(recording.toFile(), new GenericDatumReader<>());
        Stream<String> lines = Files.lines(kallsyms)) {
      this.topics = topics(records);
      lines
          .map(line -> line.split("\\s+", 4))
          .filter(words -> words[1].equalsIgnoreCase("t"))
          .forEach(words -> functions.put(Long.parseUnsignedLong(words[0], 16), words[2]));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, List<GenericRecord>> topics(DataFileReader<GenericRecord> records)
      throws IOException {
    Map<String, List<GenericRecord>> topics = new HashMap<>();
    Map<String, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
    for (GenericRecord record : records) {
      GenericDatumReader<GenericRecord> reader =
          readers.computeIfAbsent(
              record.get("schema").toString(),
              fingerprint ->
                  new GenericDatumReader<>(
                      new Schema.Parser()
                          .parse(records.getMetaString("bianque.schema." + fingerprint))));
      byte[] value = bytes(record.get("value"));
      topics
          .computeIfAbsent(record.get("topic").toString(), _ -> new ArrayList<>())
          .add(reader.read(null, DecoderFactory.get().binaryDecoder(value, null)));
    }
    return topics;
  }

  /** What went to {@code bianque.raw.<name>}, oldest first: a probe's events, or a polled map. */
  public List<GenericRecord> raw(String name) {
    return topics.getOrDefault("bianque.raw." + name, List.of());
  }

  /** Events of one of the probes and rows of its polled maps, whose names begin with its own. */
  public long seen(String probe, List<String> probes) {
    return topics.entrySet().stream()
        .filter(topic -> topic.getKey().startsWith("bianque.raw."))
        .filter(topic ->
            probe.equals(ownerOf(topic.getKey().substring("bianque.raw.".length()), probes)))
        .mapToLong(topic -> topic.getValue().size())
        .sum();
  }

  /** The one with the longest name that the given one begins with. */
  private static String ownerOf(String name, List<String> probes) {
    return probes.stream()
        .filter(probe -> name.equals(probe) || name.startsWith(probe + "_"))
        .max(Comparator.comparingInt(String::length))
        .orElse("");
  }

  public GenericRecord host() {
    return topics.get("bianque.hosts").getFirst();
  }

  /** The probes that the agent has said anything about. */
  public List<String> probes() {
    return topics.get("bianque.counters").stream()
        .map(row -> row.get("probe").toString())
        .distinct()
        .sorted()
        .toList();
  }

  /** The probe's state after its start. */
  public GenericRecord atStart(String probe) {
    return counters(probe).getFirst();
  }

  /** The probe's counts after its stop. */
  public GenericRecord atEnd(String probe) {
    return counters(probe).getLast();
  }

  private List<GenericRecord> counters(String probe) {
    return topics.get("bianque.counters").stream()
        .filter(row -> row.get("probe").toString().equals(probe))
        .toList();
  }

  /** The functions of the stack in that field, innermost first. */
  public List<String> functions(GenericRecord event, String field) {
    return ((List<?>) event.get(field))
        .stream()
            .map(address -> functions.floorEntry((Long) address))
            .map(function -> function == null ? "?" : function.getValue())
            .toList();
  }

  /** The name that the guest's own BTF gives a number; "none" for null. */
  public String enumName(String name, Object number) {
    if (number == null) {
      return "none";
    }
    return ((List<?>) host().get("enums"))
        .stream()
            .map(GenericRecord.class::cast)
            .filter(kernelEnum -> kernelEnum.get("name").toString().equals(name))
            .flatMap(kernelEnum -> ((List<?>) kernelEnum.get("members")).stream())
            .map(GenericRecord.class::cast)
            .filter(member -> member.get("value").equals(number))
            .map(member -> member.get("name").toString())
            .findFirst()
            .orElse("unknown " + number);
  }

  /** Events with their fields, for a failure's message. */
  public String shown(String name) {
    return raw(name).stream()
        .limit(20)
        .map(GenericRecord::toString)
        .collect(Collectors.joining("\n", raw(name).size() + " of " + name + ":\n", ""));
  }

  /** Of all the slots of the histogram in that field. */
  public static long sum(GenericRecord count, String histogram) {
    return ((List<?>) count.get(histogram)).stream().mapToLong(slot -> (long) slot).sum();
  }

  /** Bytes, as of an address, in hex. */
  public static String hex(Object bytes) {
    return HexFormat.of().formatHex(bytes(bytes));
  }

  private static byte[] bytes(Object buffer) {
    ByteBuffer source = ((ByteBuffer) buffer).duplicate();
    byte[] copy = new byte[source.remaining()];
    source.get(copy);
    return copy;
  }
}

package io.bianque.tests.qemu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/**
 * A guest's recording, read by Avro alone, and the guest's own kallsyms to give its addresses
 * names: nothing of the product is asked what the product has written.
 */
final class RecordedDrops {
  private final List<GenericRecord> events;
  private final GenericRecord host;
  private final GenericRecord counters;
  private final TreeMap<Long, String> functions = new TreeMap<>(Long::compareUnsigned);

  RecordedDrops(Path recording, Path kallsyms) throws IOException {
    this.events = values(recording, "bianque.raw.dropwatch");
    this.host = values(recording, "bianque.hosts").getFirst();
    this.counters = values(recording, "bianque.counters").getLast();
    try (Stream<String> lines = Files.lines(kallsyms)) {
      lines
          .map(line -> line.split("\\s+", 4))
          .filter(words -> words[1].equalsIgnoreCase("t"))
          .forEach(words -> functions.put(Long.parseUnsignedLong(words[0], 16), words[2]));
    }
  }

  /** The events of packets to that port, oldest first. */
  List<GenericRecord> to(int port) {
    return events.stream()
        .filter(event -> Integer.valueOf(port).equals(event.get("dport")))
        .toList();
  }

  GenericRecord host() {
    return host;
  }

  GenericRecord counters() {
    return counters;
  }

  /** The functions of its stack, innermost first. */
  List<String> functions(GenericRecord event) {
    return ((List<?>) event.get("kernel_stack"))
        .stream().map(address -> functions.floorEntry((Long) address).getValue()).toList();
  }

  /** The name that the guest's own BTF gives its reason; "none" where the kernel has no reasons. */
  String reason(GenericRecord event) {
    Object number = event.get("drop_reason");
    if (number == null) {
      return "none";
    }
    return ((List<?>) host.get("enums"))
        .stream()
            .map(GenericRecord.class::cast)
            .filter(kernelEnum -> kernelEnum.get("name").toString().equals("skb_drop_reason"))
            .flatMap(kernelEnum -> ((List<?>) kernelEnum.get("members")).stream())
            .map(GenericRecord.class::cast)
            .filter(member -> member.get("value").equals(number))
            .map(member -> member.get("name").toString())
            .findFirst()
            .orElse("unknown " + number);
  }

  static String hex(Object bytes) {
    ByteBuffer buffer = ((ByteBuffer) bytes).duplicate();
    byte[] copy = new byte[buffer.remaining()];
    buffer.get(copy);
    return HexFormat.of().formatHex(copy);
  }

  private static List<GenericRecord> values(Path recording, String topic) throws IOException {
    try (DataFileReader<GenericRecord> records =
        new DataFileReader<>(recording.toFile(), new GenericDatumReader<>())) {
      Map<String, GenericDatumReader<GenericRecord>> readers = new TreeMap<>();
      return StreamSupport.stream(records.spliterator(), false)
          .filter(record -> record.get("topic").toString().equals(topic))
          .map(record ->
              value(
                  record,
                  readers.computeIfAbsent(
                      record.get("schema").toString(),
                      fingerprint ->
                          new GenericDatumReader<>(
                              new Schema.Parser()
                                  .parse(records.getMetaString("bianque.schema." + fingerprint))))))
          .toList();
    }
  }

  private static GenericRecord value(
      GenericRecord record, GenericDatumReader<GenericRecord> reader) {
    ByteBuffer value = (ByteBuffer) record.get("value");
    byte[] bytes = new byte[value.remaining()];
    value.duplicate().get(bytes);
    try {
      return reader.read(null, DecoderFactory.get().binaryDecoder(bytes, null));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

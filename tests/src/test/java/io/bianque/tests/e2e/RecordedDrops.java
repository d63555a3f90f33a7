package io.bianque.tests.e2e;

import io.bianque.schemas.catalogue.Topics;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/**
 * How many drops a recording holds, of each reason by the name that the recorded kernel gave it.
 * Read from the file's documented form alone.
 */
record RecordedDrops(Map<String, Integer> byReason) {

  /** The first recording in the folder, which is the one that is played. */
  static RecordedDrops in(Path folder) throws IOException {
    Path file;
    try (Stream<Path> files = Files.list(folder)) {
      file = files.sorted().findFirst().orElseThrow();
    }
    Map<Long, String> names = new HashMap<>();
    Map<Long, Integer> byNumber = new HashMap<>();
    try (var in = new DataFileReader<>(file.toFile(), new GenericDatumReader<GenericRecord>())) {
      for (GenericRecord record : in) {
        String topic = record.get("topic").toString();
        if (topic.equals(Topics.HOSTS)) {
          names.putAll(reasons(value(in, record)));
        } else if (topic.startsWith(Topics.raw(""))) {
          byNumber.merge((Long) value(in, record).get("drop_reason"), 1, Integer::sum);
        }
      }
    }
    Map<String, Integer> byReason = new TreeMap<>();
    byNumber.forEach((number, count) -> byReason.put(names.get(number), count));
    return new RecordedDrops(byReason);
  }

  /** Without what the kernel begins them all with. */
  private static Map<Long, String> reasons(GenericRecord facts) {
    Map<Long, String> reasons = new HashMap<>();
    for (Object type : (List<?>) facts.get("enums")) {
      if (((GenericRecord) type).get("name").toString().equals("skb_drop_reason")) {
        for (Object each : (List<?>) ((GenericRecord) type).get("members")) {
          GenericRecord member = (GenericRecord) each;
          reasons.put(
              (Long) member.get("value"),
              member.get("name").toString().replaceFirst("^SKB_(DROP_REASON_)?", ""));
        }
      }
    }
    return reasons;
  }

  int events() {
    return byReason.values().stream().mapToInt(Integer::intValue).sum();
  }

  private static GenericRecord value(DataFileReader<GenericRecord> in, GenericRecord record)
      throws IOException {
    Schema schema =
        new Schema.Parser().parse(in.getMetaString("bianque.schema." + record.get("schema")));
    ByteBuffer value = (ByteBuffer) record.get("value");
    byte[] body = new byte[value.remaining()];
    value.get(body);
    return new GenericDatumReader<GenericRecord>(schema, schema, new GenericData())
        .read(null, DecoderFactory.get().binaryDecoder(body, null));
  }
}

package io.bianque.schemas.wire;

import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/**
 * A record that is made of another: some of its fields are the other's and stay as they are, the
 * rest is put. What stays is written as the bytes that it came in, runs of fields at once, and read
 * only where somebody asks. For one thread.
 */
public final class DerivedRecord implements GenericRecord {
  private static final int PUT = -1;

  /** Which fields of one schema are taken from which of another. Immutable. */
  public static final class Mapping {
    private final Schema schema;
    private final int[] from;

    /** From each field on, how many lie side by side here and in the source. */
    private final int[] runs;

    /**
     * @param from for fields that are taken the field of the source, which {@link #canTake}
     */
    public Mapping(Schema schema, Map<Integer, Integer> from) {
      int fields = schema.getFields().size();
      this.schema = schema;
      this.from = new int[fields];
      this.runs = new int[fields];
      for (int i = fields - 1; i >= 0; i--) {
        this.from[i] = from.getOrDefault(i, PUT);
        boolean goesOn =
            i + 1 < fields && this.from[i] != PUT && this.from[i + 1] == this.from[i] + 1;
        runs[i] = goesOn ? runs[i + 1] + 1 : 1;
      }
    }

    /** Whether values of both have the same bytes: custom properties aside, they are the same. */
    public static boolean canTake(Schema field, Schema ofSource) {
      return SchemaNormalization.toParsingForm(field)
          .equals(SchemaNormalization.toParsingForm(ofSource));
    }

    /** The field of the source that a field is, or less than 0. */
    int from(int field) {
      return from[field];
    }

    int run(int field) {
      return runs[field];
    }
  }

  private final Mapping mapping;
  private final GenericRecord source;
  private final Object[] put;

  /** A record in which nothing is put yet. */
  public DerivedRecord(Mapping mapping, GenericRecord source) {
    this.mapping = mapping;
    this.source = source;
    this.put = new Object[mapping.from.length];
  }

  Mapping mapping() {
    return mapping;
  }

  /** What fields are taken from. */
  GenericRecord source() {
    return source;
  }

  @Override
  public Schema getSchema() {
    return mapping.schema;
  }

  @Override
  public Object get(int field) {
    int from = mapping.from[field];
    return from == PUT ? put[field] : source.get(from);
  }

  @Override
  public void put(int field, Object value) {
    if (mapping.from[field] != PUT) {
      throw new IllegalArgumentException(
          "'%s' is the source's".formatted(mapping.schema.getFields().get(field).name()));
    }
    put[field] = value;
  }

  @Override
  public Object get(String field) {
    Schema.Field known = mapping.schema.getField(field);
    return known == null ? null : get(known.pos());
  }

  @Override
  public void put(String field, Object value) {
    Schema.Field known = mapping.schema.getField(field);
    if (known == null) {
      throw new IllegalArgumentException(
          "no field '%s' in %s".formatted(field, mapping.schema.getFullName()));
    }
    put(known.pos(), value);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof DerivedRecord that
        && mapping.schema.equals(that.mapping.schema)
        && GenericData.get().compare(this, that, mapping.schema) == 0;
  }

  @Override
  public int hashCode() {
    return GenericData.get().hashCode(this, mapping.schema);
  }

  @Override
  public String toString() {
    return GenericData.get().toString(this);
  }
}

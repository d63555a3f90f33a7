package io.bianque.schemas.registry;

import org.apache.avro.Schema;

/**
 * Where a reader finds the schema that a record was written with: the registry, or a fixed set in a
 * test.
 */
@FunctionalInterface
public interface WriterSchemas {
  /**
   * The schema of that id.
   *
   * @throws UnknownSchemaId when there is none
   * @throws RegistryUnreachable when it cannot be asked
   */
  Schema schema(int id);
}

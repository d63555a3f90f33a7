package io.bianque.schemas.catalogue;

/** What Kafka does with old records of a topic. */
public enum Cleanup {
  /** Dropped after the topic's retention. */
  DELETE,
  /** The newest record of each key stays for ever. */
  COMPACT
}

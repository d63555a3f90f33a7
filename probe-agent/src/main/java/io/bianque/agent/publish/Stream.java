package io.bianque.agent.publish;

/**
 * What events of one life and one schema have in common.
 *
 * @param schema fingerprint of the schema that their bytes are written with
 * @param counts of the life, shared by its streams
 */
record Stream(Life life, String schema, Counts counts) {}

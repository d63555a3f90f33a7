/**
 * What a raw schema may say: the logical types that give kernel fields their meaning. Depends on
 * Avro alone.
 */
package io.bianque.schemas.raw;

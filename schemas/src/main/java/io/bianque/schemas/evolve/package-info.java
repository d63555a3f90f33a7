/**
 * How a schema may change: whatever was committed once can be read for ever. Pure; knows no files,
 * no registry.
 */
package io.bianque.schemas.evolve;

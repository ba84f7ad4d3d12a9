/**
 * The names that psycopg2 gives PostgreSQL's errors, from appendix A of its manual: a class of
 * SQLSTATE, then codes in it. Classes that no application sees are left out.
 */
const NAMES = `
08: 000 ConnectionException, 001 SqlclientUnableToEstablishSqlconnection, 003 ConnectionDoesNotExist,
    004 SqlserverRejectedEstablishmentOfSqlconnection, 006 ConnectionFailure, 007 TransactionResolutionUnknown,
    P01 ProtocolViolation
0A: 000 FeatureNotSupported
21: 000 CardinalityViolation
22: 000 DataException, 001 StringDataRightTruncation, 002 NullValueNoIndicatorParameter, 003 NumericValueOutOfRange,
    004 NullValueNotAllowed, 005 ErrorInAssignment, 007 InvalidDatetimeFormat, 008 DatetimeFieldOverflow,
    009 InvalidTimeZoneDisplacementValue, 00B EscapeCharacterConflict, 00C InvalidUseOfEscapeCharacter,
    00D InvalidEscapeOctet, 00F ZeroLengthCharacterString, 00G MostSpecificTypeMismatch,
    00H SequenceGeneratorLimitExceeded, 00L NotAnXmlDocument, 00M InvalidXmlDocument, 00N InvalidXmlContent,
    00S InvalidXmlComment, 00T InvalidXmlProcessingInstruction, 010 InvalidIndicatorParameterValue,
    011 SubstringError, 012 DivisionByZero, 013 InvalidPrecedingOrFollowingSize, 014 InvalidArgumentForNtileFunction,
    015 IntervalFieldOverflow, 016 InvalidArgumentForNthValueFunction, 018 InvalidCharacterValueForCast,
    019 InvalidEscapeCharacter, 01B InvalidRegularExpression, 01E InvalidArgumentForLogarithm,
    01F InvalidArgumentForPowerFunction, 01G InvalidArgumentForWidthBucketFunction, 01W InvalidRowCountInLimitClause,
    01X InvalidRowCountInResultOffsetClause, 021 CharacterNotInRepertoire, 022 IndicatorOverflow,
    023 InvalidParameterValue, 024 UnterminatedCString, 025 InvalidEscapeSequence, 026 StringDataLengthMismatch,
    027 TrimError, 02E ArraySubscriptError, 02G InvalidTablesampleRepeat, 02H InvalidTablesampleArgument,
    030 DuplicateJsonObjectKeyValue, 031 InvalidArgumentForSqlJsonDatetimeFunction, 032 InvalidJsonText,
    033 InvalidSqlJsonSubscript, 034 MoreThanOneSqlJsonItem, 035 NoSqlJsonItem, 036 NonNumericSqlJsonItem,
    037 NonUniqueKeysInAJsonObject, 038 SingletonSqlJsonItemRequired, 039 SqlJsonArrayNotFound,
    03A SqlJsonMemberNotFound, 03B SqlJsonNumberNotFound, 03C SqlJsonObjectNotFound, 03D TooManyJsonArrayElements,
    03E TooManyJsonObjectMembers, 03F SqlJsonScalarRequired, 03G SqlJsonItemCannotBeCastToTargetType,
    P01 FloatingPointException, P02 InvalidTextRepresentation, P03 InvalidBinaryRepresentation, P04 BadCopyFileFormat,
    P05 UntranslatableCharacter, P06 NonstandardUseOfEscapeCharacter
23: 000 IntegrityConstraintViolation, 001 RestrictViolation, 502 NotNullViolation, 503 ForeignKeyViolation,
    505 UniqueViolation, 514 CheckViolation, P01 ExclusionViolation
25: 000 InvalidTransactionState, 001 ActiveSqlTransaction, 002 BranchTransactionAlreadyActive,
    003 InappropriateAccessModeForBranchTransaction, 004 InappropriateIsolationLevelForBranchTransaction,
    005 NoActiveSqlTransactionForBranchTransaction, 006 ReadOnlySqlTransaction,
    007 SchemaAndDataStatementMixingNotSupported, 008 HeldCursorRequiresSameIsolationLevel,
    P01 NoActiveSqlTransaction, P02 InFailedSqlTransaction, P03 IdleInTransactionSessionTimeout
26: 000 InvalidSqlStatementName
28: 000 InvalidAuthorizationSpecification, P01 InvalidPassword
2D: 000 InvalidTransactionTermination
34: 000 InvalidCursorName
3D: 000 InvalidCatalogName
3F: 000 InvalidSchemaName
40: 000 TransactionRollback, 001 SerializationFailure, 002 TransactionIntegrityConstraintViolation,
    003 StatementCompletionUnknown, P01 DeadlockDetected
42: 000 SyntaxErrorOrAccessRuleViolation, 501 InsufficientPrivilege, 601 SyntaxError, 602 InvalidName,
    611 InvalidColumnDefinition, 622 NameTooLong, 701 DuplicateColumn, 702 AmbiguousColumn, 703 UndefinedColumn,
    704 UndefinedObject, 710 DuplicateObject, 712 DuplicateAlias, 723 DuplicateFunction, 725 AmbiguousFunction,
    803 GroupingError, 804 DatatypeMismatch, 809 WrongObjectType, 830 InvalidForeignKey, 846 CannotCoerce,
    883 UndefinedFunction, 8C9 GeneratedAlways, 939 ReservedName, P01 UndefinedTable, P02 UndefinedParameter,
    P03 DuplicateCursor, P04 DuplicateDatabase, P05 DuplicatePreparedStatement, P06 DuplicateSchema,
    P07 DuplicateTable, P08 AmbiguousParameter, P09 AmbiguousAlias, P10 InvalidColumnReference,
    P11 InvalidCursorDefinition, P12 InvalidDatabaseDefinition, P13 InvalidFunctionDefinition,
    P14 InvalidPreparedStatementDefinition, P15 InvalidSchemaDefinition, P16 InvalidTableDefinition,
    P17 InvalidObjectDefinition, P18 IndeterminateDatatype, P19 InvalidRecursion, P20 WindowingError,
    P21 CollationMismatch, P22 IndeterminateCollation
53: 000 InsufficientResources, 100 DiskFull, 200 OutOfMemory, 300 TooManyConnections, 400 ConfigurationLimitExceeded
54: 000 ProgramLimitExceeded, 001 StatementTooComplex, 011 TooManyColumns, 023 TooManyArguments
55: 000 ObjectNotInPrerequisiteState, 006 ObjectInUse, P02 CantChangeRuntimeParam, P03 LockNotAvailable,
    P04 UnsafeNewEnumValueUsage
57: 000 OperatorIntervention, 014 QueryCanceled, P01 AdminShutdown, P02 CrashShutdown, P03 CannotConnectNow,
    P04 DatabaseDropped, P05 IdleSessionTimeout
58: 000 SystemError, 030 IoError, P01 UndefinedFile, P02 DuplicateFile
P0: 000 PlpgsqlError, 001 RaiseException, 002 NoDataFound, 003 TooManyRows, 004 AssertFailure
XX: 000 InternalError_, 001 DataCorrupted, 002 IndexCorrupted
`;

const BY_SQLSTATE: ReadonlyMap<string, string> = new Map(
  NAMES.split(/\n(?=\w\w:)/).flatMap((line) =>
    Array.from(line.matchAll(/(\w{3}) (\w+)/g), ([, code, name]) => [line.slice(0, 2) + code!, name!] as const),
  ),
);

/** What psycopg2 raises for an SQLSTATE; `undefined` for one that has no name. */
export function postgresErrorName(sqlState: string): string | undefined {
  return BY_SQLSTATE.get(sqlState);
}

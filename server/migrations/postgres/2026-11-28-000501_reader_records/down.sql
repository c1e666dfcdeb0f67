DROP TABLE reader_records;
